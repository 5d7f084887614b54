package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
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
    assertThat(folder).isEmptyDirectory();
    FolderLock.take(folder).close();
  }

  @Test
  void isFreeWhereACrashLeftItsFile() throws IOException {
    Files.createFile(folder.resolve(FolderLock.FILE));
    FolderLock.take(folder).close();
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void makesAFolderAndRemovesItWhereNothingWasWritten() throws IOException {
    Path inner = folder.resolve("a/b");
    FolderLock.take(inner).close();
    assertThat(folder).isEmptyDirectory();
    try (FolderLock lock = FolderLock.take(inner)) {
      assertThat(lock).isNotNull();
      Files.createFile(inner.resolve("x"));
    }
    assertThat(inner.resolve("x")).exists();
    assertThat(inner.resolve(FolderLock.FILE)).doesNotExist();
  }

  @Test
  void refusesAFile() throws IOException {
    Path file = Files.createFile(folder.resolve("rows.jsonl"));
    assertThatThrownBy(() -> FolderLock.take(file))
        .isInstanceOf(BadInputException.class)
        .hasMessage(file + " is a file; give a folder for the output");
  }

  /** Two processes: the one that made the folder removes it while the other is about to take it. */
  @Test
  void isTakenWhereAnotherProcessRemovesTheFolderMeanwhile() throws Exception {
    Process other =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                TakesAndFrees.class.getName(),
                folder.resolve("a/b").toString())
            .inheritIO()
            .start();
    try {
      CompletableFuture.runAsync(() -> TakesAndFrees.main(folder.resolve("a/b").toString()))
          .get(60, TimeUnit.SECONDS);
      assertThat(other.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(other.exitValue()).isZero();
    } finally {
      other.destroyForcibly();
    }
  }

  /** A process that takes a folder and frees it, for two seconds. */
  static final class TakesAndFrees {
    private TakesAndFrees() {}

    public static void main(String... arguments) {
      long end = System.nanoTime() + 2_000_000_000L;
      while (System.nanoTime() < end) {
        try {
          FolderLock.take(Path.of(arguments[0])).close();
        } catch (BadInputException e) {
          // The other one has it.
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }
}
