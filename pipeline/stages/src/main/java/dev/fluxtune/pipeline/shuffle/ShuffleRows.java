package dev.fluxtune.pipeline.shuffle;

import dev.fluxtune.pipeline.source.RecordBatch;
import java.nio.file.Path;
import java.util.function.Function;
import org.apache.arrow.memory.BufferAllocator;
import reactor.core.publisher.Flux;

/** Shuffles the rows of a whole stream in bounded memory. */
public final class ShuffleRows {
  private ShuffleRows() {}

  /**
   * The stage. Each row's place in the new order is decided by the seed and by its number in the
   * stream alone, so batches may be cut anywhere. Rows that do not fit into some 32 MB wait on
   * disk; their files have no name any more as soon as they are open, so they are gone whatever
   * happens.
   *
   * <p>The batches that come out hold rows of several files; all rows of a batch have the same
   * columns.
   *
   * @param temporary a folder with room for all rows
   */
  public static Function<Flux<RecordBatch>, Flux<RecordBatch>> by(
      long seed, Path temporary, BufferAllocator allocator) {
    return by(seed, temporary, allocator, 32 << 20);
  }

  /**
   * @param maxBytes of rows that are held and sorted at a time
   */
  static Function<Flux<RecordBatch>, Flux<RecordBatch>> by(
      long seed, Path temporary, BufferAllocator allocator, long maxBytes) {
    return rows ->
        Flux.using(
            () -> new RowSort(seed, temporary, allocator, maxBytes),
            sort ->
                rows.<RecordBatch>handle((batch, sink) -> sort.add(batch))
                    .concatWith(
                        Flux.generate(
                            sink -> sort.next().ifPresentOrElse(sink::next, sink::complete))),
            RowSort::close);
  }
}
