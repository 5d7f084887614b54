package dev.fluxtune.pipeline.shard;

import com.github.luben.zstd.ZstdDecompressCtx;
import dev.fluxtune.schemas.Chunk;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.zip.CRC32;
import org.apache.parquet.format.Encoding;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.Util;

/** The chunks of one page, decompressed; a chunk is copied out when it is asked for. */
final class Page {
  private final int[] documentsAt; // (rows + 1)
  private final int[] tokensAt; // (rows + 1)
  private final IntBuffer inputIds;
  private final IntBuffer labels;
  private final IntBuffer seqLengths;

  private Page(Column inputIds, Column labels, Column seqLengths) throws IOException {
    this.inputIds = inputIds.numbers();
    this.labels = labels.numbers();
    this.seqLengths = seqLengths.numbers();
    this.documentsAt = seqLengths.starts();
    this.tokensAt = new int[documentsAt.length];
    for (int row = 0; row + 1 < documentsAt.length; row++) {
      int tokens = 0;
      for (int d = documentsAt[row]; d < documentsAt[row + 1]; d++) {
        tokens += this.seqLengths.get(d);
      }
      tokensAt[row + 1] = tokensAt[row] + tokens;
    }
    int tokens = tokensAt[tokensAt.length - 1];
    if (tokens != this.inputIds.limit() || tokens != this.labels.limit()) {
      throw new IOException("a page's columns do not match");
    }
  }

  static Page read(PartReader part, int page, ZstdDecompressCtx zstd) throws IOException {
    try {
      return new Page(
          Column.decode(part.page(page, 0), zstd),
          Column.decode(part.page(page, 1), zstd),
          Column.decode(part.page(page, 2), zstd));
    } catch (RuntimeException e) {
      throw new IOException("a page cannot be decoded (" + e + ")", e);
    }
  }

  /**
   * @param row from the page's first, 0
   */
  Chunk chunk(int row, int padding) {
    return new Chunk(
        copy(inputIds, tokensAt[row], tokensAt[row + 1]),
        copy(labels, tokensAt[row], tokensAt[row + 1]),
        copy(seqLengths, documentsAt[row], documentsAt[row + 1]),
        padding);
  }

  private static int[] copy(IntBuffer from, int start, int end) {
    int[] copy = new int[end - start];
    from.get(start, copy);
    return copy;
  }

  /** A page of one column: the runs of its repetition levels, and its numbers. */
  private record Column(ByteBuffer repetitions, IntBuffer numbers) {

    static Column decode(byte[] bytes, ZstdDecompressCtx zstd) throws IOException {
      ByteArrayInputStream in = new ByteArrayInputStream(bytes);
      PageHeader header = Util.readPageHeader(in);
      int at = bytes.length - in.available();
      CRC32 crc = new CRC32();
      crc.update(bytes, at, in.available());
      if (!header.isSetCrc() || header.getCrc() != (int) crc.getValue()) {
        throw new IOException("a page's checksum is wrong");
      }
      if (!header.isSetData_page_header()
          || header.getData_page_header().getEncoding() != Encoding.PLAIN) {
        throw new IOException("a page is encoded in another way");
      }
      byte[] raw = new byte[header.getUncompressed_page_size()];
      int size = zstd.decompressByteArray(raw, 0, raw.length, bytes, at, in.available());
      ByteBuffer page = ByteBuffer.wrap(raw, 0, size).order(ByteOrder.LITTLE_ENDIAN);
      ByteBuffer repetitions = levels(page);
      levels(page); // definitions: all are there
      return new Column(repetitions, page.slice().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer());
    }

    private static ByteBuffer levels(ByteBuffer page) {
      int length = page.getInt();
      ByteBuffer levels = page.slice(page.position(), length);
      page.position(page.position() + length);
      return levels;
    }

    /** Where each list begins among the numbers, and their count. */
    int[] starts() throws IOException {
      int[] starts = new int[16];
      int lists = 0;
      int at = 0;
      while (repetitions.hasRemaining()) {
        int run = varint(repetitions);
        if ((run & 1) != 0) {
          throw new IOException("a page's levels are encoded in another way");
        }
        boolean opens = repetitions.get() == 0;
        for (int i = 0; opens && i < run >>> 1; i++) {
          if (lists + 1 == starts.length) {
            starts = Arrays.copyOf(starts, 2 * starts.length);
          }
          starts[lists++] = at + i;
        }
        at += run >>> 1;
      }
      starts[lists] = at;
      return Arrays.copyOf(starts, lists + 1);
    }

    private static int varint(ByteBuffer in) {
      int value = 0;
      for (int shift = 0; ; shift += 7) {
        byte b = in.get();
        value |= (b & 0x7F) << shift;
        if (b >= 0) {
          return value;
        }
      }
    }
  }
}
