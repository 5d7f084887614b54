package dev.fluxtune.pipeline.shard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.FolderLock;
import dev.fluxtune.schemas.ShardFormat;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What a process that is killed, or a disk that is full, leaves behind. */
@EnabledOnOs(OS.LINUX)
class ShardFaultsTest {
  @TempDir Path temporary;

  private Path folder() {
    return temporary.resolve("packed");
  }

  /** Starts {@link WriteShards}; its output goes to a file. */
  private Process start(List<String> before, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(before);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-Xlog:class+load:file=" + classes()));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(WriteShards.class.getName());
    command.add(folder().toString());
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(output().toFile())
        .start();
  }

  private Path classes() {
    return temporary.resolve("classes.log");
  }

  private Path output() {
    return temporary.resolve("output.log");
  }

  private static void kill(Process process) throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Test
  void isKilledAgainAndAgainAndEndsWithTheSameBytes() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Path straight = temporary.resolve("straight");
    WriteShards.corpus(1000).write(straight);
    int kills = 0;
    while (true) {
      Process process = start(List.of(), "1000", "small");
      // The virtual machine takes its time first, so the clock starts with the first sign of life.
      while (process.isAlive() && Files.notExists(folder().resolve(FolderLock.FILE))) {
        Thread.sleep(1);
      }
      if (kills < 6 && !process.waitFor(10 + random.nextInt(150), TimeUnit.MILLISECONDS)) {
        kill(process);
        kills++;
        Shards.open(folder()).ifPresent(Shards::verify); // what looks whole is whole
        continue;
      }
      assertThat(process.waitFor()).as(Files.readString(output())).isZero();
      break;
    }
    assertThat(Corpus.files(folder())).as("seed %d", seed).isEqualTo(Corpus.files(straight));
    assertThat(kills).isPositive();
  }

  @Test
  void aFullDiskIsSaidAndLeavesNothingThatLooksWhole() throws Exception {
    // No file may grow beyond 4 MiB: the system refuses the write as a full disk does.
    List<String> limited = List.of("bash", "-c", "ulimit -f 4096; exec \"$@\"", "bash");
    Process process = start(limited, "150000", "real");
    assertThat(process.waitFor()).as(Files.readString(output())).isEqualTo(2);
    assertThat(Files.readString(output()))
        .contains(folder() + ": cannot be written (File too large)");
    assertThat(folder()).doesNotExist();
  }

  @Test
  void twoProcessesDoNotWriteAtOnceAndNoHadoopClassIsLoaded() throws Exception {
    Files.createDirectories(folder());
    try (FolderLock lock = FolderLock.take(folder())) {
      assertThat(lock).isNotNull();
      Process process = start(List.of(), "10", "real");
      assertThat(process.waitFor()).as(Files.readString(output())).isEqualTo(2);
      assertThat(Files.readString(output())).contains("another process is writing into it");
    }
    assertThat(start(List.of(), "10", "real").waitFor()).isZero();
    Map<String, String> files = Corpus.files(folder());
    assertThat(files).containsOnlyKeys(ShardFormat.MANIFEST, ShardFormat.part(0));
    assertThat(Files.readString(classes(), StandardCharsets.UTF_8))
        .contains("org.apache.parquet.hadoop.ParquetFileWriter")
        .doesNotContain("org.apache.hadoop.");
  }
}
