package dev.fluxtune.pipeline.shard;

import dev.fluxtune.schemas.Sha256;
import java.io.BufferedOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.apache.parquet.io.OutputFile;
import org.apache.parquet.io.PositionOutputStream;

/** A file while it is written: counts and hashes its bytes. */
final class PartOutput extends PositionOutputStream implements OutputFile {
  private final FileOutputStream file; // unlike a channel, an interrupt does not close it
  private final MessageDigest sha256 = Sha256.digest();
  private final OutputStream out;
  private long position;
  private boolean closed;

  PartOutput(Path path) throws IOException {
    this.file = new FileOutputStream(path.toString());
    this.out = new BufferedOutputStream(new DigestOutputStream(file, sha256), 1 << 16);
  }

  @Override
  public void write(int b) throws IOException {
    out.write(b);
    position++;
  }

  @Override
  public void write(byte[] bytes, int from, int length) throws IOException {
    out.write(bytes, from, length);
    position += length;
  }

  @Override
  public long getPos() {
    return position;
  }

  @Override
  public void flush() throws IOException {
    out.flush();
  }

  /** Returns when all bytes are on disk. */
  @Override
  public void close() throws IOException {
    if (!closed) {
      out.flush();
      file.getFD().sync();
      drop();
    }
  }

  /** Closes the file as it is: what was written is of no use. */
  void drop() throws IOException {
    closed = true;
    file.close();
  }

  /** Of the bytes of the closed file, in hexadecimal. */
  String hash() {
    return HexFormat.of().formatHex(sha256.digest());
  }

  @Override
  public PositionOutputStream create(long blockSizeHint) {
    return this;
  }

  @Override
  public PositionOutputStream createOrOverwrite(long blockSizeHint) {
    return this;
  }

  @Override
  public boolean supportsBlockSize() {
    return false;
  }

  @Override
  public long defaultBlockSize() {
    return 0;
  }
}
