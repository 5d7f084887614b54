package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.fluxtune.schemas.RunConfig;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class RunFolderTest {
  @Test
  void howToGoOnCanBeTypedWhateverTheFolderIsCalled() {
    RunConfig config = Configs.of("dry_run", true);
    Path folder = Path.of("it's mine");
    try (RunFolder output = RunFolder.take(folder, config, JsonNodeFactory.instance.objectNode())) {
      assertThat(output.howToGoOn(1234))
          .startsWith("stopped after step 1,234; to go on: the same command with")
          .endsWith(" --output_dir 'it'\\''s mine' --resume_from_checkpoint true");
    }
  }
}
