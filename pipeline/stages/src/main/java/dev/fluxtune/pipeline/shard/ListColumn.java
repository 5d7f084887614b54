package dev.fluxtune.pipeline.shard;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import java.io.ByteArrayOutputStream;
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
  private final List<Page> pages = new ArrayList<>();

  // The open page.
  private final ByteArrayOutputStream repetitions = new ByteArrayOutputStream();
  private IntBuffer numbers = ints(1 << 14);
  private int lists;

  ListColumn(ColumnDescriptor column) {
    this.column = column;
  }

  /** A finished page: compressed bytes, and what its header says of them. */
  private record Page(byte[] bytes, int rawSize, int numbers, int lists) {}

  void add(int[] list) {
    if (numbers.remaining() < list.length) {
      IntBuffer larger = ints(Math.max(2 * numbers.capacity(), numbers.position() + list.length));
      numbers = larger.put(numbers.flip());
    }
    numbers.put(list);
    // The first number of a list opens it, the others repeat inside: two runs.
    run(repetitions, 1, 0);
    if (list.length > 1) {
      run(repetitions, list.length - 1, 1);
    }
    lists++;
  }

  private static IntBuffer ints(int capacity) {
    return bytes(Math.multiplyExact(capacity, 4)).asIntBuffer();
  }

  private static ByteBuffer bytes(int capacity) {
    return ByteBuffer.allocateDirect(capacity).order(ByteOrder.LITTLE_ENDIAN);
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

  void endPage(ZstdCompressCtx zstd) {
    int count = numbers.position();
    ByteArrayOutputStream definitions = new ByteArrayOutputStream();
    run(definitions, count, column.getMaxDefinitionLevel()); // all are there
    ByteBuffer raw = bytes(8 + repetitions.size() + definitions.size() + 4 * count);
    raw.putInt(repetitions.size()).put(repetitions.toByteArray());
    raw.putInt(definitions.size()).put(definitions.toByteArray());
    raw.asIntBuffer().put(numbers.flip());
    ByteBuffer compressed = bytes(Math.toIntExact(Zstd.compressBound(raw.capacity())));
    int size =
        zstd.compressDirectByteBuffer(compressed, 0, compressed.capacity(), raw, 0, raw.capacity());
    byte[] page = new byte[size];
    compressed.get(page);
    pages.add(new Page(page, raw.capacity(), count, lists));
    numbers.clear();
    repetitions.reset();
    lists = 0;
  }

  /** Hands the pages of the row group on. */
  void writeTo(ParquetFileWriter file) throws java.io.IOException {
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
