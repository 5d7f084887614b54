package dev.fluxtune.pipeline.tokenize;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizersCacheTest {
  private static final String LIBRARY = System.mapLibraryName("tokenizers");

  @TempDir Path folder;

  @Test
  void bringsUpWhatWasUnpackedForACard() throws IOException {
    Files.createDirectory(folder.resolve("90"));
    Files.writeString(folder.resolve("90").resolve(LIBRARY), "code");

    TokenizersCache.mend(folder);

    assertThat(folder.resolve(LIBRARY)).hasContent("code");
    assertThat(folder).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void leavesAloneWhatIsThere() throws IOException {
    Files.createDirectory(folder.resolve("90"));
    Files.writeString(folder.resolve("90").resolve(LIBRARY), "other");
    Files.writeString(folder.resolve(LIBRARY), "code");

    TokenizersCache.mend(folder);

    assertThat(folder.resolve(LIBRARY)).hasContent("code");
  }

  @Test
  void makesNothingWhereNothingWasUnpacked() {
    TokenizersCache.mend(folder);
    TokenizersCache.mend(folder.resolve("none"));

    assertThat(folder).isEmptyDirectory();
  }
}
