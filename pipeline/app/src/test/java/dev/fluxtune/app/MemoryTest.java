package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Memory does not grow with the data: far more of it than the heap of 64 MB goes through a process
 * whose heap after collections and whose resident memory stay flat.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "resident memory is read from /proc")
class MemoryTest {
  private static final Pattern COLLECTION = Pattern.compile("\\d+M->(\\d+)M\\(\\d+M\\)");

  @TempDir Path folder;
  private Path rows;
  private final List<Long> residentMb = new ArrayList<>();
  private List<Long> heapMb = List.of();

  @BeforeEach
  void names() {
    rows = folder.resolve("rows.jsonl");
  }

  /** Writes lines until the file has so many bytes. */
  private void write(long bytes, List<String> lines) throws IOException {
    List<byte[]> encoded =
        lines.stream().map(it -> (it + "\n").getBytes(StandardCharsets.UTF_8)).toList();
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(rows), 1 << 20)) {
      int next = 0;
      for (long written = 0; written < bytes; written += encoded.get(next).length) {
        next = (next + 1) % encoded.size();
        out.write(encoded.get(next));
      }
    }
  }

  private void prepared(long bytes) throws IOException {
    Random random = new Random(3);
    write(
        bytes,
        Stream.generate(
                () -> {
                  int[] ids = random.ints(100 + random.nextInt(400), 0, 128_000).toArray();
                  return "{\"input_ids\": " + Arrays.toString(ids) + "}";
                })
            .limit(2000)
            .toList());
  }

  private void raw(long bytes) throws IOException {
    Random random = new Random(4);
    write(
        bytes,
        Stream.generate(
                () ->
                    "{\"instruction\": \"Say %d again.\", \"output\": \"%s\"}"
                        .formatted(
                            random.nextInt(1000), "word ".repeat(10 + random.nextInt(300)).strip()))
            .limit(2000)
            .toList());
  }

  /** Runs a main class in a JVM of its own, and watches it. */
  private String watched(String mainClass, Object... arguments)
      throws IOException, InterruptedException {
    Path log = folder.resolve("gc.log");
    Path output = folder.resolve("output.txt");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    String flags =
        System.getProperty("fluxtune.jvmFlags", "--add-opens=java.base/java.nio=ALL-UNNAMED");
    command.addAll(List.of(flags.split(" ")));
    command.addAll(
        List.of(
            "-Xmx64m",
            "-XX:+UseSerialGC",
            "-Xlog:gc:file=" + log,
            "-Dai.djl.offline=true",
            "-Dfluxtune.home=" + Configs.HOME,
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
            mainClass));
    Arrays.stream(arguments).map(Object::toString).forEach(command::add);
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
    builder.environment().put("XDG_CACHE_HOME", folder.resolve("cache").toString());
    Process process = builder.start();
    while (!process.waitFor(200, TimeUnit.MILLISECONDS)) {
      sampleResident(process.pid());
    }
    String said = Files.readString(output);
    assertThat(process.exitValue()).as(said).isZero();
    heapMb =
        COLLECTION
            .matcher(Files.readString(log))
            .results()
            .map((MatchResult it) -> Long.parseLong(it.group(1)))
            .toList();
    return said;
  }

  private void sampleResident(long pid) throws IOException {
    try (Stream<String> status = Files.lines(Path.of("/proc/" + pid + "/status"))) {
      status
          .filter(line -> line.startsWith("VmRSS:"))
          .forEach(line -> residentMb.add(Long.parseLong(line.replaceAll("\\D", "")) / 1024));
    } catch (NoSuchFileException e) {
      // ended meanwhile
    }
  }

  /** The last third is no higher than the middle one; start-up is in the first. */
  private void isFlat(String what) {
    long heapMiddle = most(heapMb, 1);
    long heapLast = most(heapMb, 2);
    long residentMiddle = most(residentMb, 1);
    long residentLast = most(residentMb, 2);
    System.out.printf(
        Locale.ROOT,
        "%s: heap after collections %d MB, then %d MB; resident %d MB, then %d MB%n",
        what,
        heapMiddle,
        heapLast,
        residentMiddle,
        residentLast);
    assertThat(heapMb).as("collections").hasSizeGreaterThan(15);
    assertThat(heapLast).as("heap after collections, MB").isLessThanOrEqualTo(heapMiddle + 8);
    assertThat(residentLast).as("resident, MB").isLessThanOrEqualTo(residentMiddle * 5 / 4);
  }

  private static long most(List<Long> values, int third) {
    int n = values.size();
    return values.subList(third * n / 3, (third + 1) * n / 3).stream()
        .mapToLong(it -> it)
        .max()
        .orElse(0);
  }

  @Test
  void preparedRowsAreReadPackedAndWrittenInFlatMemory() throws Exception {
    prepared(1_300_000_000L);
    String said =
        watched(
            "dev.fluxtune.app.Main",
            "pack",
            "--dataset_name",
            rows,
            "--output_dir",
            folder.resolve("packed"));
    assertThat(said).containsPattern("chunks +\\d+,\\d+");
    isFlat("pack, 1.3 GB of prepared rows");
  }

  @Test
  void rawRowsBecomeShuffledBatchesInFlatMemory() throws Exception {
    raw(250_000_000L);
    String said =
        watched(
            "dev.fluxtune.app.EpochProbe",
            "dataset_name",
            rows,
            "tokenizer_name_or_path",
            Configs.HOME.resolve("datasets/tiny-tasks/tokenizer"),
            "packing_strategy",
            "bfd");
    assertThat(said).containsPattern("tokens \\d{7,}");
    isFlat("the data half of a run, 250 MB of raw rows");
  }
}
