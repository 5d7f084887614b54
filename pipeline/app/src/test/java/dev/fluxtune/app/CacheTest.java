package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheTest {
  private static final String OF_ABC =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-4

  @TempDir Path folder;
  private Cache cache;
  private Path file;

  @BeforeEach
  void aFile() throws IOException {
    cache = new Cache(folder.resolve("cache"));
    file = Files.writeString(folder.resolve("file"), "abc");
  }

  private List<Path> kept() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("cache"))) {
      return files.toList();
    }
  }

  @Test
  void keepsTheHashOfAFile() throws IOException {
    assertThat(cache.sha256(file)).isEqualTo(OF_ABC);
    Files.writeString(kept().get(0), "f".repeat(64));
    assertThat(cache.sha256(file)).isEqualTo("f".repeat(64));
  }

  @Test
  void aFileThatWasWrittenAnewIsHashedAnew() throws IOException {
    Files.setLastModifiedTime(file, FileTime.fromMillis(1_000));
    assertThat(cache.sha256(file)).isEqualTo(OF_ABC);
    Files.writeString(file, "abd"); // of the same size
    Files.setLastModifiedTime(file, FileTime.fromMillis(1_001));
    assertThat(cache.sha256(file)).isEqualTo(Sha256.of(file));
  }

  @Test
  void findsAgainWhatACrashLeftHalf() throws IOException {
    cache.sha256(file);
    Files.writeString(kept().get(0), "");
    assertThat(cache.sha256(file)).isEqualTo(OF_ABC);
    assertThat(cache.sha256(file)).isEqualTo(OF_ABC);
    assertThat(kept()).hasSize(1);
  }

  @Test
  void namesAFileThatCannotBeRead() {
    assertThatThrownBy(() -> cache.sha256(folder.resolve("gone")))
        .isInstanceOf(BadInputException.class)
        .hasMessage(folder.resolve("gone") + ": cannot be read (there is no such file)");
  }
}
