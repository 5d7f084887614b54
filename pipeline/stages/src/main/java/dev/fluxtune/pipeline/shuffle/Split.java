package dev.fluxtune.pipeline.shuffle;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;

/** Owns the buckets that rows are parted into, by six bits of their keys. */
final class Split implements AutoCloseable {
  private static final int BITS = 6;
  private static final int BUCKETS = 1 << BITS;

  /** The depth at which the keys have no more bits to split by. */
  static final int LAST = Long.SIZE / BITS - 1;

  private final int shift;
  private final List<Bucket> buckets = new ArrayList<>();

  /**
   * @param depth how often the rows were split before
   * @param maxBytes of rows that may wait in memory
   */
  Split(int depth, Path folder, long maxBytes, BufferAllocator allocator) {
    this.shift = Long.SIZE - BITS * (depth + 1);
    for (int i = 0; i < BUCKETS; i++) {
      // Half, since vectors grow by doubling.
      buckets.add(new Bucket(depth, folder, maxBytes / 2 / BUCKETS, allocator));
    }
  }

  /** Takes all rows that are held. */
  void addAll(HeldRows held) throws IOException {
    for (Optional<KeyedRows> next = held.poll(); next.isPresent(); next = held.poll()) {
      try (KeyedRows rows = next.get()) {
        for (int row = 0; row < rows.keys().length; row++) {
          long key = rows.keys()[row];
          buckets.get((int) (key >>> shift) & (BUCKETS - 1)).add(rows.batch(), row, key);
        }
      }
    }
  }

  /** Ends the adding; the buckets, in the order of their keys, now belong to the caller. */
  List<Bucket> finish() throws IOException {
    for (Bucket bucket : buckets) {
      bucket.finish();
    }
    List<Bucket> finished = List.copyOf(buckets);
    buckets.clear();
    return finished;
  }

  @Override
  public void close() {
    buckets.forEach(Bucket::close);
  }
}
