package dev.fluxtune.app.watch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tests {@link WandbFile}. */
class WandbFileTest {
  private static final int BLOCK = 32768;

  /** Bytes of a record before its text: its number, the tags and lengths of three messages. */
  private static final int AROUND = 2 + 4 + 4;

  @TempDir Path folder;

  private byte[] written(int... lengths) throws IOException {
    Path path = folder.resolve("run-" + Arrays.hashCode(lengths) + ".wandb");
    try (WandbFile file = new WandbFile(path)) {
      for (int length : lengths) {
        file.write(2, new Protobuf().text(1, "x".repeat(length)));
      }
    }
    return Files.readAllBytes(path);
  }

  private static List<Integer> lengths(byte[] file) {
    return WandbRecords.read(file).stream().map(it -> it.message(2).text(1).length()).toList();
  }

  @Test
  void recordsOfEachLengthComeBack() throws IOException {
    assertThat(lengths(written(0, 1, 300, 20_000, 40_000, 100_000, 3)))
        .containsExactly(0, 1, 300, 20_000, 40_000, 100_000, 3);
  }

  @Test
  void recordsThatEndNearTheEndOfABlockComeBack() throws IOException {
    for (int left = 0; left < 20; left++) {
      int first = BLOCK - 7 - 7 - AROUND - left;
      byte[] file = written(first, 50, 40_000);
      assertThat(lengths(file)).containsExactly(first, 50, 40_000);
    }
  }

  @Test
  void aBlockIsFilledToItsLastByte() throws IOException {
    assertThat(written(BLOCK - 7 - 7 - AROUND)).hasSize(BLOCK);
    // 7 bytes left: a piece of none, as LevelDB writes it; 6: padding.
    int second = 7 + 2 + 2 + 2 + 1;
    assertThat(written(BLOCK - 7 - 7 - AROUND - 7, 1)).hasSize(BLOCK + second);
    assertThat(written(BLOCK - 7 - 7 - AROUND - 6, 1)).hasSize(BLOCK + second);
  }

  @Test
  void ofATornFileAllButTheLastRecordIsRead() throws IOException {
    byte[] file = written(10, 50_000, 10);
    int last = 7 + 2 + 2 + 2 + 10;
    assertThat(lengths(Arrays.copyOf(file, file.length))).containsExactly(10, 50_000, 10);
    assertThat(lengths(Arrays.copyOf(file, file.length - 1))).containsExactly(10, 50_000);
    assertThat(lengths(Arrays.copyOf(file, file.length - last))).containsExactly(10, 50_000);
    assertThat(lengths(Arrays.copyOf(file, file.length - last - 1))).containsExactly(10);
    assertThat(lengths(Arrays.copyOf(file, 40_000))).containsExactly(10);
    assertThat(lengths(Arrays.copyOf(file, 7))).isEmpty();
  }
}
