package dev.fluxtune.pipeline.shard;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/**
 * One column of a row group in the making, {@code list<int32>}. It builds the pages itself: the
 * library's path for records costs several times as much per number as compressing it.
 */
final class ListColumn {
  private final ColumnDescriptor column;
  private final ZstdCompressCtx zstd;
  private final List<Page> pages = new ArrayList<>();

  // The open page.
  private final ByteArrayOutputStream repetitions = new ByteArrayOutputStream();
  private IntBuffer numbers = bytes(1 << 16).asIntBuffer();
  private int lists;

  // Kept, because direct memory is slow to come and slower to go.
  private ByteBuffer raw = bytes(1 << 16);
  private ByteBuffer compressed = bytes((int) Zstd.compressBound(1 << 16));

  ListColumn(ColumnDescriptor column, ZstdCompressCtx zstd) {
    this.column = column;
    this.zstd = zstd;
  }

  /** A finished page: compressed bytes, and what its header says of them. */
  private record Page(byte[] bytes, int rawSize, int numbers, int lists) {}

  void add(int[] list) {
    if (numbers.remaining() < list.length) {
      int needed = Math.addExact(numbers.position(), list.length);
      numbers = roomFor(4 * (long) needed).asIntBuffer().put(numbers.flip());
    }
    numbers.put(list);
    // The first number of a list opens it, the others repeat inside: two runs.
    run(repetitions, 1, 0);
    if (list.length > 1) {
      run(repetitions, list.length - 1, 1);
    }
    lists++;
  }

  private static ByteBuffer bytes(int capacity) {
    return ByteBuffer.allocateDirect(capacity).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A buffer with half as much again as is needed now. */
  private static ByteBuffer roomFor(long bytes) {
    return bytes(Math.toIntExact(bytes + bytes / 2));
  }

  /** Run of Parquet's RLE / bit-packing hybrid, for levels of up to 8 bits. */
  private static void run(ByteArrayOutputStream out, int length, int level) {
    int header = length << 1;
    while ((header & ~0x7F) != 0) {
      out.write((header & 0x7F) | 0x80);
      header >>>= 7;
    }
    out.write(header);
    out.write(level);
  }

  void endPage() {
    int count = numbers.position();
    ByteArrayOutputStream definitions = new ByteArrayOutputStream();
    run(definitions, count, column.getMaxDefinitionLevel()); // all are there
    long size = 8L + repetitions.size() + definitions.size() + 4L * count;
    if (raw.capacity() < size) {
      raw = roomFor(size);
      compressed = bytes(Math.toIntExact(Zstd.compressBound(raw.capacity())));
    }
    raw.clear();
    raw.putInt(repetitions.size()).put(repetitions.toByteArray());
    raw.putInt(definitions.size()).put(definitions.toByteArray());
    raw.slice().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().put(numbers.flip());
    pages.add(new Page(compress((int) size), (int) size, count, lists));
    numbers.clear();
    repetitions.reset();
    lists = 0;
  }

  private byte[] compress(int size) {
    int length = zstd.compressDirectByteBuffer(compressed, 0, compressed.capacity(), raw, 0, size);
    byte[] page = new byte[length];
    compressed.get(0, page);
    return page;
  }

  /** Hands the pages of the row group on. */
  void writeTo(ParquetFileWriter file) throws IOException {
    long count = pages.stream().mapToLong(Page::numbers).sum();
    file.startColumn(column, count, CompressionCodecName.ZSTD);
    for (Page page : pages) {
      file.writeDataPage(
          page.numbers,
          page.rawSize,
          BytesInput.from(page.bytes),
          null, // smallest and largest id tell nothing
          page.lists,
          Encoding.RLE,
          Encoding.RLE,
          Encoding.PLAIN);
    }
    file.endColumn();
    pages.clear();
  }
}
