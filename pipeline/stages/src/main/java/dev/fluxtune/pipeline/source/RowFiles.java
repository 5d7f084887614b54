package dev.fluxtune.pipeline.source;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.LongConsumer;
import java.util.zip.GZIPInputStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;

/** Tells what a file is by its first bytes, and only CSV by its name. */
final class RowFiles {
  private static final byte[] PARQUET = {'P', 'A', 'R', '1'};
  private static final byte[] ARROW_FILE = {'A', 'R', 'R', 'O', 'W', '1'};
  private static final byte[] ARROW_STREAM = {-1, -1, -1, -1};
  private static final byte[] GZIP = {0x1F, (byte) 0x8B};
  private static final byte[] ZSTD = {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD};
  private static final byte[] BYTE_ORDER_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};
  private static final int BUFFER = 1 << 16;

  private RowFiles() {}

  /**
   * Opens a file at its first row.
   *
   * @param columns told of the columns that a header names
   * @param progress told of bytes of the file that are behind
   * @throws BadInputException if it holds no rows in a format that is known
   */
  static RowFile open(
      Path path, Columns columns, BadRows bad, LongConsumer progress, BufferAllocator allocator) {
    try {
      InputStream raw =
          new BufferedInputStream(new Watched(Files.newInputStream(path), progress), BUFFER);
      try {
        return open(raw, path, columns, bad, progress, allocator);
      } catch (IOException | RuntimeException e) {
        raw.close();
        throw e;
      }
    } catch (BadInputException | OutOfMemoryException e) {
      throw e;
    } catch (NoSuchFileException e) {
      throw new BadInputException(path + ": there is no such file; correct the path", e);
    } catch (AccessDeniedException e) {
      throw new BadInputException(path + ": may not be read; change its permissions", e);
    } catch (IOException | RuntimeException e) {
      throw broken(path.toString(), "rows", e);
    }
  }

  private static RowFile open(
      InputStream raw,
      Path path,
      Columns columns,
      BadRows bad,
      LongConsumer progress,
      BufferAllocator allocator)
      throws IOException {
    if (begins(raw, PARQUET)) {
      raw.close();
      return new ParquetRows(path, columns, progress);
    }
    if (begins(raw, ARROW_FILE)) {
      raw.close();
      return ArrowRows.file(path, columns, allocator);
    }
    return stream(decompressed(raw), path, columns, bad, allocator);
  }

  /** Tells how many bytes are read, a buffer at a time. */
  private static final class Watched extends FilterInputStream {
    private final LongConsumer progress;

    Watched(InputStream in, LongConsumer progress) {
      super(in);
      this.progress = progress;
    }

    @Override
    public int read(byte[] to, int from, int length) throws IOException {
      int count = super.read(to, from, length);
      progress.accept(Math.max(count, 0));
      return count;
    }
  }

  private static InputStream decompressed(InputStream raw) throws IOException {
    if (begins(raw, GZIP)) {
      return new BufferedInputStream(new GZIPInputStream(raw, BUFFER), BUFFER);
    }
    if (begins(raw, ZSTD)) {
      return new BufferedInputStream(new ZstdInputStreamNoFinalizer(raw), BUFFER);
    }
    return raw;
  }

  private static RowFile stream(
      InputStream in, Path path, Columns columns, BadRows bad, BufferAllocator allocator)
      throws IOException {
    if (begins(in, ARROW_STREAM)) {
      return ArrowRows.stream(in, columns, allocator);
    }
    if (begins(in, PARQUET) || begins(in, ARROW_FILE)) {
      throw new BadInputException(
          path + ": a Parquet or Arrow file cannot be read through gzip or zstd; decompress it");
    }
    if (begins(in, BYTE_ORDER_MARK)) {
      in.skipNBytes(BYTE_ORDER_MARK.length);
    }
    int first = firstNonBlank(in);
    if (first < 0) {
      throw new BadInputException(
          path + ": is empty; give a file that holds rows, or leave it out");
    }
    String extension = Splits.extension(path);
    if (extension.equals("csv")) {
      return new CsvRows(in, columns, bad);
    }
    if (first == '[') {
      return new JsonArray(in, columns, bad);
    }
    if (first == '{' || extension.equals("jsonl") || extension.equals("ndjson")) {
      return new JsonLines(in, columns, bad);
    }
    throw new BadInputException(
        "%s: cannot tell what it is (it begins with 0x%02X); give Parquet, Arrow, a JSON array, JSON lines, or CSV in a file called .csv, each plain or compressed by gzip or zstd"
            .formatted(path, first));
  }

  private static boolean begins(InputStream in, byte[] magic) throws IOException {
    in.mark(magic.length);
    byte[] head = in.readNBytes(magic.length);
    in.reset();
    return Arrays.equals(head, magic);
  }

  /** The first byte that is no white space, which stays unread; -1 if there is none. */
  private static int firstNonBlank(InputStream in) throws IOException {
    in.mark(BUFFER);
    int first = in.read();
    for (int seen = 1;
        seen < BUFFER && (first == ' ' || first == '\n' || first == '\r' || first == '\t');
        seen++) {
      first = in.read();
    }
    in.reset();
    return first;
  }

  /** What to say of a file that cannot be read to its end. */
  static BadInputException broken(String path, String format, Exception cause) {
    Throwable at = cause instanceof UncheckedIOException it ? it.getCause() : cause;
    String found =
        at instanceof EOFException
            ? "it ends too early"
            : at instanceof IOException ? Reason.of(cause) : "its parts do not fit together";
    return new BadInputException(
        "%s: cannot be read as %s (%s); it may be cut short or damaged: fetch or write it again"
            .formatted(path, format, found),
        cause);
  }
}
