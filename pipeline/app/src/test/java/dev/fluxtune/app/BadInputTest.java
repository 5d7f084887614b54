package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bad input: one clear message, an exit code, and nothing half-written. */
class BadInputTest {
  private static final String GOOD = "{\"prompt\": \"1 + 1 = \", \"completion\": \"2\"}\n";
  private static final Path TOKENIZER = Configs.HOME.resolve("datasets/tiny-tasks/tokenizer");

  @TempDir Path folder;
  private Path rows;
  private Path packed;

  @BeforeEach
  void names() {
    rows = folder.resolve("rows.jsonl");
    packed = folder.resolve("packed");
  }

  private CommandRun pack(Object... more) {
    List<Object> arguments =
        new ArrayList<>(
            List.of(
                "pack",
                "--dataset_name",
                rows,
                "--tokenizer_name_or_path",
                TOKENIZER,
                "--max_length",
                8,
                "--output_dir",
                packed));
    arguments.addAll(Arrays.asList(more));
    return CommandRun.of(folder.resolve("cache"), arguments.toArray());
  }

  private CommandRun packRows(String content, Object... more) throws IOException {
    Files.writeString(rows, content);
    return pack(more);
  }

  /** Refused in one line that holds all of this, and nothing that looks like shards is left. */
  private void refused(CommandRun run, String... parts) throws IOException {
    assertThat(run.code()).as(run.err()).isEqualTo(1);
    assertThat(run.out()).isEmpty();
    List<String> message = run.err().lines().filter(line -> line.startsWith("pipeline: ")).toList();
    assertThat(message).as(run.err()).hasSize(1);
    assertThat(message.get(0)).contains(parts);
    assertThat(run.err()).doesNotContain("\tat ");
    if (Files.exists(packed)) {
      try (Stream<Path> left = Files.list(packed)) {
        assertThat(left.map(it -> it.getFileName().toString()))
            .noneMatch(name -> name.endsWith(".json") || name.endsWith(".parquet"));
      }
    }
  }

  @Test
  void aMalformedRow() throws IOException {
    refused(packRows(GOOD + "{\"prompt\": \n" + GOOD), rows + ":2", "on_bad_row: skip");
  }

  @Test
  void aMissingColumn() throws IOException {
    refused(packRows(GOOD + "{\"prompt\": \"x\"}\n"), rows + ":2", "completion", "missing");
  }

  @Test
  void aMistypedColumn() throws IOException {
    refused(packRows(GOOD + "{\"prompt\": \"x\", \"completion\": 7}\n"), rows + ":2", "completion");
  }

  @Test
  void invalidUtf8() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write(GOOD.getBytes(StandardCharsets.UTF_8));
    bytes.write("{\"prompt\": \"".getBytes(StandardCharsets.UTF_8));
    bytes.write(0xff);
    bytes.write("\", \"completion\": \"x\"}\n".getBytes(StandardCharsets.UTF_8));
    Files.write(rows, bytes.toByteArray());
    refused(pack(), rows + ":2", "UTF-8");
  }

  @Test
  void anEmptyFile() throws IOException {
    refused(packRows(""), rows.toString());
  }

  @Test
  void anEmptyArray() throws IOException {
    refused(packRows("[]"), rows.toString(), "no row");
  }

  @Test
  void aFileThatWasCutShort() throws IOException {
    ByteArrayOutputStream whole = new ByteArrayOutputStream();
    try (OutputStream gzip = new GZIPOutputStream(whole)) {
      gzip.write(GOOD.repeat(10_000).getBytes(StandardCharsets.UTF_8));
    }
    Files.write(rows, Arrays.copyOf(whole.toByteArray(), whole.size() / 2));
    refused(pack(), rows.toString());
  }

  @Test
  void noFile() throws IOException {
    refused(pack(), rows.toString(), "no such file");
  }

  @Test
  void noTrainedTokenAtAll() throws IOException {
    Files.writeString(rows, "{\"input_ids\": [1, 2, 3], \"labels\": [-100, -100, -100]}\n");
    refused(pack("--tail", "keep"), "trained");
  }

  @Test
  void chatRows() throws IOException {
    refused(
        packRows("{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}\n"),
        rows.toString(),
        "messages");
  }

  @Test
  void tooFewTokensForAChunk() throws IOException {
    refused(packRows(GOOD, "--max_length", 1000), "tail: keep");
  }

  @Test
  void aTokenizerWithoutEos() throws IOException {
    Path bare = Files.createDirectory(folder.resolve("bare"));
    Files.copy(TOKENIZER.resolve("tokenizer.json"), bare.resolve("tokenizer.json"));
    refused(packRows(GOOD, "--tokenizer_name_or_path", bare), "eos_token", "concat_token_id");
  }

  @Test
  void anOutputFolderThatHoldsAnotherRun() throws IOException {
    assertThat(packRows(GOOD.repeat(5)).code()).isZero();
    byte[] before = Files.readAllBytes(packed.resolve("part-00000.parquet"));
    CommandRun other = packRows(GOOD.repeat(5), "--max_length", 16);
    assertThat(other.code()).isEqualTo(1);
    assertThat(other.err()).contains("max_length", "8", "16");
    assertThat(packed.resolve("part-00000.parquet")).hasBinaryContent(before);
  }

  @Test
  void anOutputFolderThatHoldsSomethingElse() throws IOException {
    Files.createDirectory(packed);
    Files.writeString(packed.resolve("thesis.txt"), "mine");
    CommandRun run = packRows(GOOD.repeat(5));
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.err()).contains(packed.toString());
    assertThat(packed.resolve("thesis.txt")).hasContent("mine");
    assertThat(packed).isDirectoryNotContaining("glob:**.parquet");
  }

  @Test
  void aFileInThePlaceOfTheOutputFolder() throws IOException {
    Files.writeString(packed, "mine");
    CommandRun run = packRows(GOOD.repeat(5));
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.err()).endsWith(packed + " is a file; give a folder for the output\n");
    assertThat(packed).hasContent("mine");
  }

  @Test
  void leavesNoFolderThatItMadeForNothing() throws IOException {
    packed = folder.resolve("new/packed");
    refused(packRows(GOOD.repeat(5) + "{oops\n"), rows + ":6");
    assertThat(folder.resolve("new")).doesNotExist();
  }

  @Test
  void anEndOfDocumentThatIsNoToken() throws IOException {
    refused(packRows(GOOD.repeat(5), "--concat_token_id", 999_999), "concat_token_id", "999999");
  }

  @Test
  void aChunkThatIsNotThere() throws IOException {
    assertThat(packRows(GOOD.repeat(5)).code()).isZero();
    CommandRun run =
        CommandRun.of(
            folder.resolve("cache"), "inspect", "--dataset_name", packed, "--chunk", 999_999);
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.err())
        .containsPattern("there is no chunk 999,999; there are \\d+, the first is 0");
  }

  @Test
  void chunksAreShownAsTheyComeAndNotHeldUntilTheLast() throws IOException {
    Files.writeString(rows, GOOD.repeat(2000) + "{oops\n");
    CommandRun run =
        CommandRun.of(
            folder.resolve("cache"),
            "inspect",
            "--dataset_name",
            rows,
            "--tokenizer_name_or_path",
            Configs.HOME.resolve("datasets/tiny-tasks/tokenizer"),
            "--count",
            1_000_000);
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.err()).contains(rows + ":2001");
    assertThat(run.out()).contains("chunk 0: ", "chunk 1: ");
  }

  @Test
  void badRowsAreSkippedCountedAndListedWhereAskedFor() throws IOException {
    CommandRun run =
        packRows(
            GOOD.repeat(3) + "{oops\n".repeat(12) + "{\"prompt\": \"x\"}\n" + GOOD.repeat(3),
            "--on_bad_row",
            "skip");
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(run.out()).containsPattern("documents +6\\b");
    assertThat(run.err()).contains("skipped 13 bad rows", rows + ":4", rows + ":13");
    assertThat(run.err()).doesNotContain(rows + ":14");
  }

  @Test
  void rowsThatAreAllSkipped() throws IOException {
    refused(
        packRows("{\"prompt\": \"x\", \"completion\": 7}\n".repeat(3), "--on_bad_row", "skip"),
        "no row that can be used; 3 were skipped, such as " + rows + ":1: column completion");
  }

  @Test
  void allConfigurationProblemsAtOnceBeforeAFileIsTouched() {
    CommandRun run = pack("--max_lenght", 7, "--tail", "some", "--seed", "x");
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.err())
        .contains("did you mean --max_length?", "--tail", "--seed")
        .doesNotContain("no such file");
  }

  @Test
  void rowsThatChangeWhileTheyArePacked() throws Exception {
    Files.writeString(rows, GOOD.repeat(300_000));
    CompletableFuture<CommandRun> run = CompletableFuture.supplyAsync(this::pack);
    while (!run.isDone() && Files.notExists(packed)) { // its settings are known by then
      Thread.sleep(1);
    }
    Files.writeString(rows, GOOD, StandardOpenOption.APPEND);
    refused(run.get(60, TimeUnit.SECONDS), "the rows have changed while they were packed");
  }
}
