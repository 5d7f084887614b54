package dev.fluxtune.pipeline.shuffle;

import dev.fluxtune.pipeline.source.RecordBatch;
import dev.fluxtune.pipeline.source.RecordBatchBuilder;
import dev.fluxtune.pipeline.source.RecordBatchFormat;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.arrow.memory.BufferAllocator;
import org.jspecify.annotations.Nullable;

/**
 * Owns a file of rows that come near each other in the new order, and the rows that wait to be
 * written to it. The file loses its name when it is opened, where the system lets it, else when it
 * is closed.
 */
final class Bucket implements AutoCloseable {
  /** Rows of one set of columns that wait. */
  private static final class Waiting {
    final RecordBatchBuilder rows;
    final long[] keys = new long[RecordBatch.MAX_ROWS];

    Waiting(RecordBatchBuilder rows) {
      this.rows = rows;
    }
  }

  private final int depth;
  private final Path folder;
  private final BufferAllocator allocator;
  private final long maxWaiting;
  private final Map<Set<String>, Waiting> waiting = new HashMap<>();
  private long bytesWaiting;
  private @Nullable FileChannel file;
  private long bytes;

  /**
   * @param depth of the split that it is a part of
   * @param maxWaiting bytes of values after which rows are written
   */
  Bucket(int depth, Path folder, long maxWaiting, BufferAllocator allocator) {
    this.depth = depth;
    this.folder = folder;
    this.maxWaiting = maxWaiting;
    this.allocator = allocator;
  }

  int depth() {
    return depth;
  }

  /** What the rows will take in memory; once all are written. */
  long bytes() {
    return bytes;
  }

  void add(RecordBatch batch, int row, long key) throws IOException {
    Waiting to = waiting.get(batch.columns());
    if (to == null) {
      Set<String> columns = new LinkedHashSet<>(batch.columns());
      to = new Waiting(new RecordBatchBuilder(columns, Long.MAX_VALUE, allocator));
      waiting.put(columns, to);
    }
    to.keys[to.rows.size()] = key;
    bytesWaiting -= to.rows.bytes();
    to.rows.add(batch, row);
    bytesWaiting += to.rows.bytes();
    if (to.rows.isFull() || bytesWaiting >= maxWaiting) {
      write();
    }
  }

  /** Ends the adding. */
  void finish() throws IOException {
    write();
    closeWaiting();
    if (file != null) {
      file.position(0);
    }
  }

  private void write() throws IOException {
    for (Waiting rows : waiting.values()) {
      if (rows.rows.size() > 0) {
        long[] keys = Arrays.copyOf(rows.keys, rows.rows.size());
        try (KeyedRows keyed = new KeyedRows(rows.rows.build(), keys)) {
          write(keyed);
        }
      }
    }
    bytesWaiting = 0;
  }

  private void write(KeyedRows rows) throws IOException {
    FileChannel to = file;
    if (to == null) {
      to =
          FileChannel.open(
              Files.createTempFile(folder, "fluxtune-rows-", ".arrow"),
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
      file = to;
    }
    ByteBuffer keys = ByteBuffer.allocate(4 + 8 * rows.keys().length);
    keys.putInt(rows.keys().length);
    keys.asLongBuffer().put(rows.keys());
    keys.rewind();
    while (keys.hasRemaining()) {
      to.write(keys);
    }
    RecordBatchFormat.write(rows.batch(), to, allocator);
    bytes += rows.bytes();
  }

  /** Reads the next rows, which belong to the caller; empty at the end. */
  Optional<KeyedRows> read() throws IOException {
    FileChannel from = file;
    if (from == null || from.position() == from.size()) {
      return Optional.empty();
    }
    long[] keys = new long[read(from, 4).getInt()];
    read(from, 8 * keys.length).asLongBuffer().get(keys);
    return Optional.of(new KeyedRows(RecordBatchFormat.read(from, allocator), keys));
  }

  private static ByteBuffer read(FileChannel from, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining()) {
      if (from.read(bytes) < 0) {
        throw new EOFException("rows are missing from a temporary file");
      }
    }
    return bytes.rewind();
  }

  private void closeWaiting() {
    waiting.values().forEach(w -> w.rows.close());
    waiting.clear();
  }

  @Override
  public void close() {
    closeWaiting();
    FileChannel open = file;
    file = null;
    try {
      if (open != null) {
        open.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
