package dev.fluxtune.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.pipeline.batch.Stack;
import dev.fluxtune.pipeline.format.Format;
import dev.fluxtune.pipeline.format.RowKind;
import dev.fluxtune.pipeline.mask.Mask;
import dev.fluxtune.pipeline.pack.Pack;
import dev.fluxtune.pipeline.shuffle.Shuffle;
import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.pipeline.source.Rows;
import dev.fluxtune.pipeline.tokenize.Tokenize;
import dev.fluxtune.pipeline.tokenize.Tokenizer;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Packing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

/** Rows are read when the trainer asks for batches, and no further ahead than promised. */
class DemandTest {
  private static final int RECORD_BATCH = 512;
  private static final long AHEAD = 4L * RECORD_BATCH;
  private static final Path TINY =
      Path.of(System.getProperty("fluxtune.home"), "datasets/tiny-tasks/tokenizer");

  @TempDir Path folder;
  private final BufferAllocator allocator = new RootAllocator();
  private final Tokenizer tokenizer =
      Tokenizer.open(TINY, Optional.empty(), Optional.empty(), OptionalInt.empty());
  private final AtomicLong rowsRead = new AtomicLong();
  private Path rows;

  @BeforeEach
  void writeRows() throws IOException {
    List<String> lines =
        IntStream.range(0, 40 * RECORD_BATCH)
            .mapToObj(i -> "{\"prompt\": \"row %d \", \"completion\": \"yes\"}".formatted(i))
            .toList();
    rows = Files.write(folder.resolve("rows.jsonl"), lines);
  }

  @AfterEach
  void nothingIsLeftInMemory() {
    tokenizer.close();
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
  }

  private Flux<Batch> batches(Packing packing, int shuffleBuffer) {
    BadRows bad = BadRows.fail();
    return Rows.read(List.of(rows), Map.of(), List.of(), bad, allocator)
        .doOnNext(batch -> rowsRead.addAndGet(batch.size()))
        .map(Format.with(RowKind.PROMPT_COMPLETION, "text", true, bad))
        .transform(Tokenize.with(tokenizer::encode, 2))
        .map(Mask.exact())
        .transform(Pack.with(packing))
        .transform(Shuffle.within(shuffleBuffer, 1, 0))
        .transform(Stack.of(2, OptionalInt.empty(), false, end -> {}));
  }

  /** Rows read once nothing more is under way, each time one more batch was asked for. */
  private void readsAtMost(long ahead, Packing packing, int shuffleBuffer, int rowsInABatch) {
    StepVerifier.create(batches(packing, shuffleBuffer), 0)
        .then(() -> assertThat(settled()).as("before any demand").isLessThanOrEqualTo(ahead))
        .thenRequest(1)
        .expectNextCount(1)
        .then(() -> assertThat(settled()).isBetween(1L, rowsInABatch + ahead))
        .thenRequest(1)
        .expectNextCount(1)
        .then(() -> assertThat(settled()).isBetween(1L, 2L * rowsInABatch + ahead))
        .thenCancel()
        .verify();
  }

  private long settled() {
    long before = -1;
    while (before != rowsRead.get()) {
      before = rowsRead.get();
      try {
        Thread.sleep(200);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
    return before;
  }

  @Test
  void wrappedReadsFourRecordBatchesAhead() {
    readsAtMost(AHEAD, new Packing.Wrapped(64, Packing.Tail.DROP, 0), 1, 40);
  }

  @Test
  void bfdReadsAWindowFurther() {
    readsAtMost(AHEAD + 3000, new Packing.Bfd(64, 3000), 1, 40);
  }

  @Test
  void shufflingReadsItsBufferFurther() {
    int rowsInABuffer = 100 * 20;
    readsAtMost(AHEAD + rowsInABuffer, new Packing.Wrapped(64, Packing.Tail.DROP, 0), 100, 40);
  }
}
