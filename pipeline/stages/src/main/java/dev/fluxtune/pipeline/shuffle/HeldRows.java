package dev.fluxtune.pipeline.shuffle;

import dev.fluxtune.pipeline.source.RecordBatch;
import dev.fluxtune.pipeline.source.RecordBatchBuilder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.arrow.memory.BufferAllocator;

/** Owns rows in memory and gives them sorted by their keys. */
final class HeldRows implements AutoCloseable {
  private record Ref(long key, RecordBatch batch, int row) {}

  private final BufferAllocator allocator;
  private final Deque<KeyedRows> held = new ArrayDeque<>();
  private List<Ref> sorted = List.of();
  private int given;
  private long bytes;

  HeldRows(BufferAllocator allocator) {
    this.allocator = allocator;
  }

  void add(KeyedRows rows) {
    held.addLast(rows);
    bytes += rows.bytes();
  }

  long bytes() {
    return bytes;
  }

  /** Gives rows away as they came, to be sorted elsewhere; they belong to the caller. */
  Optional<KeyedRows> poll() {
    Optional<KeyedRows> first = Optional.ofNullable(held.pollFirst());
    first.ifPresent(rows -> bytes -= rows.bytes());
    return first;
  }

  /** Ends the adding. */
  void sort() {
    sorted = new ArrayList<>();
    given = 0;
    for (KeyedRows rows : held) {
      for (int row = 0; row < rows.keys().length; row++) {
        sorted.add(new Ref(rows.keys()[row], rows.batch(), row));
      }
    }
    sorted.sort((a, b) -> Long.compareUnsigned(a.key, b.key));
  }

  /**
   * The next batch in the new order, which belongs to the caller; empty, and all released, at the
   * end.
   */
  Optional<RecordBatch> next() {
    if (given == sorted.size()) {
      close();
      return Optional.empty();
    }
    Set<String> columns = sorted.get(given).batch.columns();
    try (RecordBatchBuilder builder =
        new RecordBatchBuilder(columns, RecordBatchBuilder.MAX_BYTES, allocator)) {
      do {
        Ref ref = sorted.get(given++);
        builder.add(ref.batch, ref.row);
      } while (given < sorted.size()
          && !builder.isFull()
          && sorted.get(given).batch.columns().equals(columns));
      return Optional.of(builder.build());
    }
  }

  @Override
  public void close() {
    held.forEach(KeyedRows::close);
    held.clear();
    sorted = List.of();
    given = 0;
    bytes = 0;
  }
}
