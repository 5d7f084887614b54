package dev.fluxtune.pipeline.shuffle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.pipeline.source.RecordBatch;
import dev.fluxtune.pipeline.source.RecordBatchBuilder;
import dev.fluxtune.pipeline.source.Rows;
import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
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

class ShuffleRowsTest {
  private static final long IN_MEMORY = 32 << 20;

  @TempDir Path folder;
  @TempDir Path temporary;
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingIsLeft() throws IOException {
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
    try (Stream<Path> files = Files.list(temporary)) {
      assertThat(files).isEmpty();
    }
  }

  private Path file(String name, int count, String row) throws IOException {
    return Files.writeString(
        folder.resolve(name),
        IntStream.range(0, count)
            .mapToObj(i -> row.formatted(i) + "\n")
            .collect(Collectors.joining()));
  }

  private Path texts(int count) throws IOException {
    return file("texts.jsonl", count, "{\"text\": \"row %d, of some length\"}");
  }

  private Flux<RecordBatch> read(Path... files) {
    return Rows.read(List.of(files), Map.of(), List.of(), BadRows.fail(), allocator);
  }

  private Flux<RecordBatch> shuffled(Flux<RecordBatch> rows, long seed, long maxBytes) {
    return rows.transform(ShuffleRows.by(seed, temporary, allocator, maxBytes));
  }

  /** Each row as place and cells; the batches are closed. */
  private static List<String> rows(Flux<RecordBatch> batches) {
    List<String> rows = new ArrayList<>();
    for (RecordBatch batch : batches.toIterable(1)) {
      try (batch) {
        for (int row = 0; row < batch.size(); row++) {
          StringBuilder cells = new StringBuilder(batch.place(row));
          for (String column : batch.columns()) {
            cells.append('|').append(column).append('=').append(cell(batch, row, column));
          }
          rows.add(cells.toString());
        }
      }
    }
    return rows;
  }

  private static String cell(RecordBatch batch, int row, String column) {
    try {
      return batch.text(row, column).orElse("-");
    } catch (BadInputException e) {
      try {
        return Arrays.toString(batch.ints(row, column).orElseThrow());
      } catch (BadInputException neither) {
        return neither.getMessage();
      }
    }
  }

  /** The same rows in batches of random sizes. */
  private Flux<RecordBatch> cut(Flux<RecordBatch> rows, long seed) {
    Random random = new Random(seed);
    return rows.concatMapIterable(
        batch -> {
          List<RecordBatch> parts = new ArrayList<>();
          try (batch;
              RecordBatchBuilder part =
                  new RecordBatchBuilder(batch.columns(), Long.MAX_VALUE, allocator)) {
            for (int row = 0; row < batch.size(); row++) {
              part.add(batch, row);
              if (random.nextInt(40) == 0 || row == batch.size() - 1) {
                parts.add(part.build());
              }
            }
          }
          return parts;
        },
        1);
  }

  @Test
  void givesEachRowOnceWithItsPlaceInAnOrderOfTheSeed() throws IOException {
    Path file = texts(3000);
    List<String> inOrder = rows(read(file));
    List<String> order = rows(shuffled(read(file), 42, IN_MEMORY));
    assertThat(order).containsExactlyInAnyOrderElementsOf(inOrder).isNotEqualTo(inOrder);
    assertThat(rows(shuffled(read(file), 42, IN_MEMORY))).isEqualTo(order);
    assertThat(rows(shuffled(read(file), 43, IN_MEMORY))).isNotEqualTo(order);
    assertThat(order).contains(file + ":1|text=row 0, of some length");
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void ordersTheSameHoweverBatchesAreCutAndHowMuchFits(long seed) throws IOException {
    Path file = texts(1000);
    List<String> order = rows(shuffled(read(file), seed, IN_MEMORY));
    assertThat(rows(shuffled(cut(read(file), seed), seed, IN_MEMORY))).isEqualTo(order);
    // On disk, in buckets that are split once more and again.
    for (long maxBytes : new long[] {20_000, 2000}) {
      assertThat(rows(shuffled(cut(read(file), seed), seed, maxBytes)))
          .as("%d bytes in memory, seed %d", maxBytes, seed)
          .isEqualTo(order);
    }
  }

  @Test
  void keepsColumnsApartAndEveryKindOfCell() throws IOException {
    Path mixed =
        Files.writeString(
            folder.resolve("mixed.jsonl"),
            """
            {"text": "x", "ids": [1, 2, 3]}
            {"text": null, "ids": [], "é.": "日本"}
            {"text": 7, "ids": null}
            {"text": {"a": 1}, "ids": [1, 99999999999]}
            """);
    Path texts = texts(600);
    List<String> inOrder = rows(read(mixed, texts, mixed));
    for (long maxBytes : new long[] {IN_MEMORY, 10_000}) {
      assertThat(rows(shuffled(read(mixed, texts, mixed), 7, maxBytes)))
          .containsExactlyInAnyOrderElementsOf(inOrder);
    }
    StepVerifier.create(
            shuffled(read(mixed, texts), 7, IN_MEMORY)
                .map(
                    batch -> {
                      try (batch) {
                        return batch.columns();
                      }
                    })
                .distinct()
                .collectSortedList((a, b) -> a.size() - b.size()))
        .expectNext(List.of(Set.of("text"), Set.of("text", "ids", "é.")))
        .verifyComplete();
  }

  @Test
  void touchesTheDiskOnlyForWhatDoesNotFit() throws IOException {
    Path file = texts(2000);
    Path missing = temporary.resolve("missing");
    assertThat(rows(read(file).transform(ShuffleRows.by(1, missing, allocator)))).hasSize(2000);
    assertThatThrownBy(
            () -> rows(read(file).transform(ShuffleRows.by(1, missing, allocator, 50_000))))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("cannot be kept in " + missing);
  }

  @Test
  void holdsNoMoreThanItMay() throws IOException {
    String words = "some words that make a row as long as rows are ".repeat(10);
    Path file = file("long.jsonl", 50_000, "{\"text\": \"%d " + words + "\", \"input\": \"\"}");
    assertThat(Files.size(file)).isGreaterThan(20 << 20);
    long maxBytes = 2 << 20;
    long rows =
        shuffled(read(file), 1, maxBytes)
            .map(
                batch -> {
                  try (batch) {
                    return (long) batch.size();
                  }
                })
            .reduce(0L, Long::sum)
            .block();
    assertThat(rows).isEqualTo(50_000);
    // What is held, what waits for the disk, and a batch on its way in or out.
    assertThat(allocator.getPeakMemoryAllocation()).isLessThan(3 * maxBytes);
  }

  @ParameterizedTest
  @ValueSource(longs = {IN_MEMORY, 10_000})
  void releasesOnCancellation(long maxBytes) throws IOException {
    Path file = texts(3000);
    StepVerifier.create(shuffled(read(file), 1, maxBytes), 1)
        .consumeNextWith(RecordBatch::close)
        .thenCancel()
        .verify();
    assertThat(allocator.getAllocatedMemory()).isZero();
    // And while it still reads.
    StepVerifier.create(shuffled(read(file).concatWith(Flux.never()), 1, maxBytes))
        .expectSubscription()
        .thenCancel()
        .verify();
  }

  @ParameterizedTest
  @ValueSource(longs = {IN_MEMORY, 10_000})
  void releasesOnAnError(long maxBytes) throws IOException {
    Flux<RecordBatch> failing =
        read(texts(3000)).concatWith(Flux.error(new IllegalStateException("no more")));
    StepVerifier.create(shuffled(failing, 1, maxBytes)).verifyErrorMessage("no more");
  }

  @Test
  void mayBeCancelledByAnotherThread() throws Exception {
    Path file = texts(20_000);
    Random random = new Random(5);
    Scheduler thread = Schedulers.newSingle("reads");
    for (int round = 0; round < 30; round++) {
      Disposable reading =
          shuffled(read(file), 1, 100_000).subscribeOn(thread).subscribe(RecordBatch::close);
      Thread.sleep(random.nextInt(30));
      reading.dispose();
    }
    thread.disposeGracefully().block(Duration.ofSeconds(20));
  }

  @Test
  void leavesNoNamedFileWhileItRuns() throws IOException {
    List<RecordBatch> first = new ArrayList<>();
    StepVerifier.create(shuffled(read(texts(3000)), 1, 10_000), 1)
        .consumeNextWith(first::add)
        .then(this::assertNoFile)
        .thenCancel()
        .verify();
    first.forEach(RecordBatch::close);
  }

  private void assertNoFile() {
    try (Stream<Path> files = Files.list(temporary)) {
      assertThat(files).isEmpty();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void leavesNoTraceOfTheOldOrder() throws IOException {
    // Of 5 rows each comes first about equally often.
    Path file = texts(5);
    List<String> inOrder = rows(read(file));
    int[] first = new int[5];
    for (int seed = 0; seed < 1000; seed++) {
      first[inOrder.indexOf(rows(shuffled(read(file), seed, IN_MEMORY)).get(0))]++;
    }
    for (int count : first) {
      assertThat(count).isBetween(145, 255); // 200 expected, σ = 13
    }
  }

  @Test
  void givesNothingForNothing() {
    assertThat(rows(shuffled(Flux.empty(), 1, IN_MEMORY))).isEqualTo(Collections.emptyList());
  }
}
