package dev.fluxtune.pipeline.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FolderLockTest {
  @TempDir Path folder;

  @Test
  void isHeldByOneWriterAtATime() throws IOException {
    try (FolderLock lock = FolderLock.take(folder)) {
      assertThat(lock).isNotNull();
      for (int i = 0; i < 2; i++) { // asking does not break it
        assertThatThrownBy(() -> FolderLock.take(folder.resolve(".")))
            .isInstanceOf(BadInputException.class)
            .hasMessageContaining("another process is writing into it");
      }
    }
    assertThat(Corpus.files(folder)).isEmpty();
    FolderLock.take(folder).close();
  }

  @Test
  void isFreeWhereACrashLeftItsFile() throws IOException {
    Files.createFile(folder.resolve(FolderLock.FILE));
    FolderLock.take(folder).close();
    assertThat(Corpus.files(folder)).isEmpty();
  }
}
