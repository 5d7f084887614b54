package dev.fluxtune.app.watch;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32;

/**
 * W&B's record file ({@code run-ID.wandb}): LevelDB's log format (its {@code doc/log_format.md})
 * with a head of its own and plain CRC-32. Each record goes to the file in one write: of a run that
 * is killed, all but the record in progress can be read.
 */
final class WandbFile implements Closeable {
  private static final int BLOCK = 32 * 1024;
  private static final int HEADER = 7; // checksum, length, kind
  private static final int FULL = 1;
  private static final int FIRST = 2;
  private static final int MIDDLE = 3;
  private static final int LAST = 4;

  private final OutputStream out;
  private long at; // bytes in the file
  private long number; // of the last record
  private boolean torn;

  /** Begins a file that is not there yet. */
  WandbFile(Path file) throws IOException {
    this.out = Files.newOutputStream(file, StandardOpenOption.CREATE_NEW);
    byte[] name = ":W&B".getBytes(StandardCharsets.US_ASCII);
    byte[] head = Protobuf.little(7).put(name).putShort((short) 0xBEE1).put((byte) 0).array();
    out.write(head);
    at = head.length;
  }

  /**
   * Writes a {@code Record}, giving it its number. Behind one that could not be written whole
   * nothing more is, since nobody could read it.
   *
   * @param kind the field that it fills
   */
  void write(int kind, Protobuf value) throws IOException {
    if (torn) {
      return;
    }
    torn = true;
    byte[] bytes = framed(new Protobuf().number(1, ++number).message(kind, value).bytes());
    out.write(bytes);
    at += bytes.length;
    torn = false;
  }

  /** Whether a record could not be written whole, and what came behind it not at all. */
  boolean isTorn() {
    return torn;
  }

  /** The record in pieces, none of which reaches into the next block. */
  private byte[] framed(byte[] data) {
    ByteArrayOutputStream framed = new ByteArrayOutputStream();
    int from = 0;
    do {
      int left = BLOCK - (int) ((at + framed.size()) % BLOCK);
      if (left < HEADER) {
        framed.writeBytes(new byte[left]);
        left = BLOCK;
      }
      int length = Math.min(left - HEADER, data.length - from);
      boolean last = from + length == data.length;
      int kind = from == 0 ? (last ? FULL : FIRST) : last ? LAST : MIDDLE;
      CRC32 crc = new CRC32();
      crc.update(kind);
      crc.update(data, from, length);
      framed.writeBytes(
          Protobuf.little(HEADER + length)
              .putInt((int) crc.getValue())
              .putShort((short) length)
              .put((byte) kind)
              .put(data, from, length)
              .array());
      from += length;
    } while (from < data.length);
    return framed.toByteArray();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
