package dev.fluxtune.pipeline.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubCacheTest {
  @TempDir Path home;

  @Test
  void findsTheSnapshotThatMainPointsTo() throws IOException {
    Path repository = home.resolve("hub/models--meta--llama-3.2");
    Files.createDirectories(repository.resolve("refs"));
    Files.createDirectories(repository.resolve("snapshots/abc"));
    Files.writeString(repository.resolve("refs/main"), "abc\n");
    assertThat(HubCache.model("meta/llama-3.2", Map.of("HF_HOME", home.toString())))
        .isEqualTo(repository.resolve("snapshots/abc"));
  }

  @Test
  void aFolderIsItself() {
    assertThat(HubCache.model(home.toString(), Map.of())).isEqualTo(home);
  }

  @Test
  void saysHowToFetchWhatIsNotThere() {
    assertThatThrownBy(() -> HubCache.model("meta/llama-3.2", Map.of("HF_HOME", home.toString())))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("hf download meta/llama-3.2");
    assertThatThrownBy(() -> HubCache.model("./no/such/folder", Map.of()))
        .isInstanceOf(BadInputException.class)
        .hasMessage("./no/such/folder: there is no such file or folder; correct the path");
  }
}
