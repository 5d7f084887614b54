package dev.fluxtune.pipeline.source;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.arrow.memory.BufferAllocator;

/** Owns the Arrow memory of a batch that is being filled; {@link #build} hands it over. */
final class RecordBatchBuilder implements AutoCloseable {
  private final BufferAllocator allocator;
  private final long maxBytes;
  private final List<Column> columns = new ArrayList<>();
  private final List<String> paths = new ArrayList<>();
  private long[] numbers = new long[RecordBatch.MAX_ROWS];
  private long bytes;

  /**
   * @param maxBytes values after which a batch is full before it has its rows
   */
  RecordBatchBuilder(BufferAllocator allocator, long maxBytes) {
    this.allocator = allocator;
    this.maxBytes = maxBytes;
  }

  boolean isFull() {
    return paths.size() == RecordBatch.MAX_ROWS || bytes >= maxBytes;
  }

  boolean isEmpty() {
    return paths.isEmpty();
  }

  /** Appends a row that was read from a file. */
  void add(Row row, String path) {
    int index = paths.size();
    for (int column = 0; column < row.width(); column++) {
      if (column == columns.size()) {
        columns.add(new Column(allocator));
      }
      columns.get(column).set(index, row, column);
      bytes += row.length(column);
    }
    place(path, row.number());
  }

  private void place(String path, long number) {
    numbers[paths.size()] = number;
    paths.add(path);
  }

  /**
   * The batch, which now belongs to the caller; the builder begins anew.
   *
   * @param names of the columns, as they are numbered in rows
   */
  RecordBatch build(Set<String> names) {
    while (columns.size() < names.size()) {
      columns.add(new Column(allocator));
    }
    for (Column column : columns) {
      column.finish(paths.size());
    }
    Map<String, Column> named = new LinkedHashMap<>();
    for (String name : names) {
      Column column = columns.get(named.size());
      columns.set(named.size(), column.next(allocator));
      named.put(name, column);
    }
    RecordBatch batch =
        new RecordBatch(
            Collections.unmodifiableMap(named),
            List.copyOf(paths),
            Arrays.copyOf(numbers, paths.size()));
    paths.clear();
    bytes = 0;
    return batch;
  }

  @Override
  public void close() {
    columns.forEach(Column::close);
  }
}
