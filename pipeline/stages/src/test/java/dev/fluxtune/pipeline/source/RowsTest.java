package dev.fluxtune.pipeline.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

class RowsTest {
  private static final String[] COLUMNS = {"instruction", "input", "output"};

  @TempDir Path folder;
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingIsHeld() {
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
  }

  private Path write(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content);
  }

  private Path numbered(String name, int from, int count) throws IOException {
    return write(
        name,
        IntStream.range(from, from + count)
            .mapToObj("{\"text\": \"row %d\"}\n"::formatted)
            .collect(Collectors.joining()));
  }

  private Flux<RecordBatch> read(Path... files) {
    return Fixtures.read(allocator, files);
  }

  private Flux<RecordBatch> read(Map<String, String> mapping, List<String> keep, Path... files) {
    return Rows.read(Arrays.asList(files), mapping, keep, BadRows.fail(), allocator);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rows.json",
        "escaped.json",
        "bom.json",
        "datasets.jsonl",
        "rows.json.zst",
        "rows.jsonl.gz",
        "rows.jsonl.zst",
        "two-members.jsonl.gz",
        "datasets.parquet",
        "snappy.parquet",
        "none.parquet",
        "gzip.parquet",
        "zstd.parquet",
        "lz4.parquet",
        "v2.parquet",
        "plain.parquet",
        "delta.parquet",
        "file.arrow",
        "stream.arrow",
        "zstd.arrow",
        "lz4.arrow",
        "large.arrow",
        "view.arrow",
        "dictionary.arrow",
        "dictionary-stream.arrow",
        "datasets.arrow"
      })
  void readsWhatPythonWrote(String name) throws IOException {
    List<List<Optional<String>>> rows = Fixtures.texts(read(Fixtures.file(name)), COLUMNS);
    List<List<Optional<String>>> expected = Fixtures.expected();
    assertThat(rows).hasSizeGreaterThanOrEqualTo(expected.size());
    for (int row = 0; row < rows.size(); row++) {
      assertThat(rows.get(row)).as("row %d", row).isEqualTo(expected.get(row % expected.size()));
    }
  }

  @Test
  void namesColumnsAndPlacesFileByFile() throws IOException {
    Path first = write("a.json", "[{\"text\": \"x\", \"id\": 3}]");
    Path second = write("b.jsonl", "\n{\"text\": \"y\"}\n\n{\"other\": \"z\"}\n");
    List<String> seen = new ArrayList<>();
    for (RecordBatch batch : read(first, second).toIterable(1)) {
      try (batch) {
        seen.add(batch.columns().toString());
        IntStream.range(0, batch.size()).mapToObj(batch::place).forEach(seen::add);
      }
    }
    assertThat(seen)
        .containsExactly("[text, id]", first + ":1", "[text, other]", second + ":2", second + ":4");
  }

  @Test
  void readsABatchForEachDemanded() throws IOException {
    Path first = numbered("a.jsonl", 0, 1000);
    Path second = folder.resolve("missing.jsonl");
    // Reading on would fail at the file that is missing.
    StepVerifier.create(read(first, second), 0)
        .thenRequest(1)
        .assertNext(batch -> closeAfter(batch, 512))
        .thenRequest(1)
        .assertNext(batch -> closeAfter(batch, 488))
        .thenRequest(1)
        .verifyErrorMatches(e -> e.getMessage().contains("missing.jsonl: there is no such file"));
  }

  private static void closeAfter(RecordBatch batch, int size) {
    try (batch) {
      assertThat(batch.size()).isEqualTo(size);
    }
  }

  @Test
  void renamesAndKeepsColumns() throws IOException {
    Path file = write("a.jsonl", "{\"q\": \"x\", \"id\": \"7\", \"a\": \"y\"}");
    Flux<RecordBatch> renamed =
        read(Map.of("q", "prompt", "a", "completion"), List.of("q", "a"), file);
    assertThat(Fixtures.texts(renamed, "prompt", "completion", "q", "id"))
        .containsExactly(
            List.of(Optional.of("x"), Optional.of("y"), Optional.empty(), Optional.empty()));
  }

  @Test
  void refusesRenamingTwoColumnsToOne() throws IOException {
    Path file = write("a.jsonl", "{\"q\": \"x\", \"prompt\": \"y\"}");
    assertFails(
        read(Map.of("q", "p", "prompt", "p"), List.of(), file), "column_mapping: both", "become p");
    assertFails(
        read(Map.of("q", "prompt"), List.of(), file),
        file + ": two columns are called prompt once column_mapping is applied");
    assertFails(
        read(Map.of("q", "p"), List.of("prompt"), file),
        "column_mapping renames q, which columns (prompt) does not keep");
  }

  @Test
  void refusesColumnsThatNoFileHas() throws IOException {
    Path first = write("a.jsonl", "{\"a\": \"x\"}");
    Path second = write("b.jsonl", "{\"b\": \"x\"}");
    assertThat(Fixtures.texts(read(Map.of("b", "p"), List.of(), first, second), "a", "p"))
        .containsExactly(
            List.of(Optional.of("x"), Optional.empty()),
            List.of(Optional.empty(), Optional.of("x")));
    assertFails(
        read(Map.of("c", "p"), List.of(), first, second),
        "column_mapping renames c, but the columns are a, b");
    assertFails(
        read(Map.of(), List.of("a", "d"), first, second),
        "columns keeps d, but the columns are a, b");
    // Where there is a header, before the first row.
    StepVerifier.create(read(Map.of("c", "p"), List.of(), Fixtures.file("snappy.parquet")))
        .verifyErrorMatches(e -> e.getMessage().contains("columns are input, instruction, output"));
  }

  @Test
  void readsParquetPageByPageAndOnlyWhatIsKept() {
    // Its last pages and its other column are damaged, which only reading them can tell.
    Path file = Fixtures.file("damaged.parquet");
    StepVerifier.create(read(Map.of(), List.of("text"), file), 1)
        .assertNext(batch -> closeAfter(batch, 512))
        .thenRequest(Long.MAX_VALUE)
        .thenConsumeWhile(
            batch -> true,
            batch -> {
              batch.close();
            })
        .verifyErrorMatches(
            e ->
                e instanceof BadInputException
                    && e.getMessage().startsWith(file + ": cannot be read as Parquet"));
    assertFails(read(Map.of(), List.of("other"), file), file + ": cannot be read as Parquet");
  }

  @Test
  void namesACodecThatItDoesNotRead() {
    Path file = Fixtures.file("brotli.parquet");
    assertFails(
        read(Map.of(), List.of(), file), file + ": it is compressed by BROTLI, which is not read");
  }

  @Test
  void cutsBatchesOfLongRows() throws IOException {
    String long100k = "0123456789".repeat(10_000);
    Path file = write("a.jsonl", ("{\"text\": \"" + long100k + "\"}\n").repeat(50));
    assertThat(
            read(file)
                .map(
                    batch -> {
                      try (batch) {
                        return batch.size();
                      }
                    })
                .collectList()
                .block())
        .containsExactly(21, 21, 8); // 2 MiB, reached by the 21st
    assertThat(allocator.getPeakMemoryAllocation()).isLessThan(12 << 20);
  }

  @Test
  void readsRowsWithoutColumns() throws IOException {
    Path file = write("a.jsonl", "{}\n{}\n{\"text\": \"x\"}\n");
    assertThat(Fixtures.texts(read(file), "text"))
        .containsExactly(
            List.of(Optional.empty()), List.of(Optional.empty()), List.of(Optional.of("x")));
  }

  @Test
  void refusesNoFiles() {
    StepVerifier.create(read()).verifyErrorMessage("no file of rows was given; name one");
  }

  @Test
  void mayBeCancelledByAnotherThread() throws Exception {
    Path file = numbered("a.jsonl", 0, 20_000);
    Random random = new Random(5);
    Scheduler thread = Schedulers.newSingle("reads");
    for (int round = 0; round < 30; round++) {
      Disposable reading = read(file).subscribeOn(thread).subscribe(RecordBatch::close);
      Thread.sleep(random.nextInt(5));
      reading.dispose();
    }
    thread.disposeGracefully().block(Duration.ofSeconds(20));
  }

  private static void assertFails(Flux<RecordBatch> batches, String... parts) {
    assertThatThrownBy(() -> Fixtures.texts(batches))
        .isInstanceOf(BadInputException.class)
        .hasMessageContainingAll(parts);
  }
}
