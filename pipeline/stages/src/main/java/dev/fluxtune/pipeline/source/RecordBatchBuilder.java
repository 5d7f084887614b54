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
public final class RecordBatchBuilder implements AutoCloseable {
  /** Bytes of values in a batch of long rows; such a batch has fewer of them. */
  public static final long MAX_BYTES = 2 << 20;

  private final Set<String> names;
  private final long maxBytes;
  private final BufferAllocator allocator;
  private final List<Column> columns = new ArrayList<>();
  private final List<String> paths = new ArrayList<>();
  private final long[] numbers = new long[RecordBatch.MAX_ROWS];
  private long bytes;

  /**
   * @param names of the columns; those that are added to it later come last
   * @param maxBytes of values, after which a batch is full although it has few rows
   */
  public RecordBatchBuilder(Set<String> names, long maxBytes, BufferAllocator allocator) {
    this.names = names;
    this.maxBytes = maxBytes;
    this.allocator = allocator;
  }

  public boolean isFull() {
    return size() == RecordBatch.MAX_ROWS || bytes >= maxBytes;
  }

  /** Rows so far. */
  public int size() {
    return paths.size();
  }

  /** Bytes of values so far. */
  public long bytes() {
    return bytes;
  }

  /** Appends a row that was read from a file. */
  void add(Row row, String path) {
    for (int column = 0; column < row.width(); column++) {
      column(column).set(size(), row, column);
      bytes += row.length(column);
    }
    place(path, row.number());
  }

  /** Appends a row of a batch that has the same columns, in whatever order. */
  public void add(RecordBatch from, int row) {
    int column = 0;
    for (String name : names) {
      bytes += column(column++).set(size(), from.column(name), row);
    }
    place(from.path(row), from.number(row));
  }

  private void place(String path, long number) {
    numbers[paths.size()] = number;
    paths.add(path);
  }

  private Column column(int column) {
    while (columns.size() <= column) {
      columns.add(new Column(allocator));
    }
    return columns.get(column);
  }

  /** The batch, which now belongs to the caller; the builder begins anew. */
  public RecordBatch build() {
    int size = size();
    Map<String, Column> named = new LinkedHashMap<>();
    for (String name : names) {
      Column column = column(named.size());
      column.finish(size);
      named.put(name, column);
    }
    columns.replaceAll(column -> column.next(allocator));
    RecordBatch batch =
        new RecordBatch(
            Collections.unmodifiableMap(named), List.copyOf(paths), Arrays.copyOf(numbers, size));
    paths.clear();
    bytes = 0;
    return batch;
  }

  @Override
  public void close() {
    columns.forEach(Column::close);
  }
}
