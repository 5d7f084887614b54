package dev.fluxtune.pipeline.source;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Objects;

/** A part of a file as a stream; several may read from one channel. */
final class FileRange extends InputStream {
  private final FileChannel file;
  private final long end;
  private final ByteBuffer buffer = ByteBuffer.allocate(1 << 15).limit(0);

  /** Where the bytes after those in the buffer lie. */
  private long at;

  FileRange(FileChannel file, long start, long length) {
    this.file = file;
    this.at = start;
    this.end = start + length;
  }

  @Override
  public int read() throws IOException {
    return fill() ? buffer.get() & 0xFF : -1;
  }

  @Override
  public int read(byte[] to, int from, int length) throws IOException {
    Objects.checkFromIndexSize(from, length, to.length);
    if (length == 0) {
      return 0;
    }
    if (!fill()) {
      return -1;
    }
    int count = Math.min(length, buffer.remaining());
    buffer.get(to, from, count);
    return count;
  }

  private boolean fill() throws IOException {
    if (buffer.hasRemaining()) {
      return true;
    }
    if (at >= end) {
      return false;
    }
    buffer.clear().limit((int) Math.min(buffer.capacity(), end - at));
    int count = file.read(buffer, at);
    buffer.flip();
    at += Math.max(count, 0);
    return count > 0;
  }

  /** Reads exactly so many bytes. */
  byte[] readBytes(int count) throws IOException {
    if (count < 0 || count > end - at + buffer.remaining()) {
      throw new EOFException("%d bytes wanted, %d there".formatted(count, end - at));
    }
    byte[] bytes = readNBytes(count);
    if (bytes.length < count) {
      throw new EOFException("the file ends after %d of %d bytes".formatted(bytes.length, count));
    }
    return bytes;
  }
}
