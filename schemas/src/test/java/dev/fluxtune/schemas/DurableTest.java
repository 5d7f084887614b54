package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DurableTest {
  @TempDir Path folder;

  @Test
  void replacesAFileAndLeavesNothingElse() throws IOException {
    Path file = folder.resolve("config.yaml");
    Files.writeString(file, "a longer one");
    Files.writeString(Durable.temporary(file), "left over by a writer that was killed");

    Durable.write(file, new byte[] {'n', 'e', 'w'});

    assertThat(file).hasContent("new");
    assertThat(folder).isDirectoryContaining(file::equals).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void leavesTheOldFileWhereTheNewOneCannotBeWritten() throws IOException {
    Path file = folder.resolve("config.yaml");
    Files.writeString(file, "old");
    Files.createDirectory(Durable.temporary(file)); // in the way

    assertThatThrownBy(() -> Durable.write(file, new byte[1])).isInstanceOf(IOException.class);
    assertThat(file).hasContent("old");
  }

  @Test
  void leavesNothingOverWhereAFolderHasTheName() throws IOException {
    Path taken = Files.createDirectory(folder.resolve("report.html"));

    assertThatThrownBy(() -> Durable.write(taken, new byte[1])).isInstanceOf(IOException.class);
    assertThat(folder).isDirectoryContaining(taken::equals).isDirectoryNotContaining("glob:**.tmp");
  }
}
