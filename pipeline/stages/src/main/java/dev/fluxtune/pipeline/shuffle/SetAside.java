package dev.fluxtune.pipeline.shuffle;

import dev.fluxtune.pipeline.source.RecordBatch;
import dev.fluxtune.pipeline.source.RecordBatchBuilder;
import dev.fluxtune.schemas.BadInputException;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.LongPredicate;
import org.apache.arrow.memory.BufferAllocator;
import reactor.core.publisher.Flux;

/**
 * Which rows of a data set are set aside to evaluate on: so many, exactly, at random by a seed. It
 * takes the number of all rows and no memory: a row is set aside iff a permutation puts it among
 * the first. (A draw for each row would need no count of them, and would miss the number asked
 * for.)
 */
public final class SetAside {
  private final long rows;
  private final long count;
  private final Permutation order;

  private SetAside(long rows, long count, long seed) {
    this.rows = rows;
    this.count = count;
    this.order = new Permutation(rows, seed, -1); // no epoch has that number
  }

  /**
   * As {@code datasets.train_test_split} counts.
   *
   * @param rows in the data set
   * @param size below 1 the share that is set aside, rounded up; else how many
   * @throws BadInputException if that leaves nothing to train on
   */
  public static SetAside of(long rows, double size, long seed) {
    long count = size < 1 ? (long) Math.ceil(size * rows) : (long) size;
    if (count >= rows) {
      throw new BadInputException(
          String.format(
              Locale.ROOT,
              "test_split_size: %s sets %,d of %,d rows aside and leaves none to train on; set it lower",
              size,
              count,
              rows));
    }
    return new SetAside(rows, count, seed);
  }

  /** Rows that are set aside. */
  long count() {
    return count;
  }

  boolean is(long row) {
    if (row >= rows) {
      throw new BadInputException(
          "test_split_size: there are more rows than the %d that were counted, so the files have changed while they were read; start again when they are whole"
              .formatted(rows));
    }
    return order.at(row) < count;
  }

  /**
   * The stage: of a stream of all rows those that are set aside, or the others, in their order.
   * Batches that come out are smaller; none is empty.
   */
  public Function<Flux<RecordBatch>, Flux<RecordBatch>> keep(
      boolean aside, BufferAllocator allocator) {
    return batches ->
        Flux.defer(
            () -> {
              long[] behind = {0};
              return batches.handle(
                  (batch, sink) -> {
                    long first = behind[0];
                    behind[0] += batch.size();
                    RecordBatch kept = kept(batch, row -> is(first + row) == aside, allocator);
                    if (kept.size() > 0) {
                      sink.next(kept);
                    } else {
                      kept.close();
                    }
                  });
            });
  }

  private static RecordBatch kept(RecordBatch batch, LongPredicate wanted, BufferAllocator memory) {
    try (batch;
        RecordBatchBuilder kept = new RecordBatchBuilder(batch.columns(), Long.MAX_VALUE, memory)) {
      for (int row = 0; row < batch.size(); row++) {
        if (wanted.test(row)) {
          kept.add(batch, row);
        }
      }
      return kept.build();
    }
  }
}
