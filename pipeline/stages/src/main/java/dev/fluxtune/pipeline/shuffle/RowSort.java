package dev.fluxtune.pipeline.shuffle;

import dev.fluxtune.pipeline.source.RecordBatch;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import org.jspecify.annotations.Nullable;

/**
 * Owns the rows of a stream, in memory or on disk, and gives them sorted by a key that is a
 * function of the seed and the row's number. Buckets hold rows by the first bits of their keys, and
 * a bucket too large for memory is split by the next bits, so how many there are changes nothing.
 * Its methods may be called while another thread closes it.
 */
final class RowSort implements AutoCloseable {
  private final Path folder;
  private final BufferAllocator allocator;
  private final long maxBytes;
  private final long seed;
  private final HeldRows held;

  /** The rows that came, once they are too many to hold. */
  private @Nullable Split spilled;

  /** Buckets that are still to be given, in the new order. */
  private final Deque<Bucket> rest = new ArrayDeque<>();

  private long number;
  private boolean ended;
  private boolean closed;

  /**
   * @param folder for buckets
   * @param maxBytes held in memory
   */
  RowSort(long seed, Path folder, BufferAllocator allocator, long maxBytes) {
    this.seed = Permutation.mix(seed, 0);
    this.folder = folder;
    this.allocator = allocator;
    this.maxBytes = maxBytes;
    this.held = new HeldRows(allocator);
  }

  /** Takes the next rows of the stream. */
  synchronized void add(RecordBatch batch) {
    if (closed) {
      batch.close();
      return;
    }
    long[] keys = new long[batch.size()];
    for (int row = 0; row < keys.length; row++) {
      keys[row] = Permutation.mix(seed, number++); // one to one in the number
    }
    held.add(new KeyedRows(batch, keys));
    try {
      if (spilled == null && held.bytes() > maxBytes) {
        spilled = new Split(0, folder, maxBytes, allocator);
      }
      if (spilled != null) {
        spilled.addAll(held);
      }
    } catch (IOException e) {
      throw failed(e);
    }
  }

  /** The next batch in the new order, which belongs to the caller; empty at the end. */
  synchronized Optional<RecordBatch> next() {
    try {
      if (closed) {
        return Optional.empty();
      }
      if (!ended) {
        ended = true;
        if (spilled == null) {
          held.sort();
        } else {
          rest.addAll(spilled.finish());
        }
      }
      Optional<RecordBatch> batch = held.next();
      while (batch.isEmpty() && !rest.isEmpty()) {
        try (Bucket bucket = rest.removeFirst()) {
          load(bucket);
        }
        batch = held.next();
      }
      return batch;
    } catch (IOException e) {
      throw failed(e);
    }
  }

  /**
   * Makes a bucket's rows the ones that are held, or puts the buckets that it is split into first.
   */
  private void load(Bucket bucket) throws IOException {
    if (bucket.bytes() <= maxBytes || bucket.depth() == Split.LAST) {
      for (Optional<KeyedRows> rows = bucket.read(); rows.isPresent(); rows = bucket.read()) {
        held.add(rows.get());
      }
      held.sort();
      return;
    }
    try (Split split = new Split(bucket.depth() + 1, folder, maxBytes, allocator)) {
      for (Optional<KeyedRows> rows = bucket.read(); rows.isPresent(); rows = bucket.read()) {
        held.add(rows.get());
        split.addAll(held);
      }
      List<Bucket> parts = split.finish();
      for (int i = parts.size() - 1; i >= 0; i--) {
        rest.addFirst(parts.get(i));
      }
    }
  }

  private BadInputException failed(IOException cause) {
    return new BadInputException(
        "shuffle_dataset: rows that wait for their turn cannot be kept in %s (%s); make room there, or turn it off"
            .formatted(folder, Reason.of(cause)),
        cause);
  }

  @Override
  public synchronized void close() {
    closed = true;
    held.close();
    if (spilled != null) {
      spilled.close();
    }
    rest.forEach(Bucket::close);
    rest.clear();
  }
}
