package dev.fluxtune.pipeline.source;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * One row on its way from a file into a batch, so that a row that turns out bad half-way leaves no
 * trace. A cell is nothing, a text, a list of ints, or something else of which only a description
 * is kept; the last value given to a cell counts.
 */
final class Row {
  enum Kind {
    NOTHING,
    TEXT,
    INTS,
    OTHER
  }

  /** A longer row's memory is not kept for the next one. */
  private static final int KEPT_BYTES = 1 << 20;

  /** As in Arrow. */
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private Kind[] kinds = new Kind[8];
  private int[] starts = new int[8];
  private int[] ends = new int[8];
  private int width;
  private byte[] bytes = new byte[1 << 12];
  private int used;
  private long number;

  /** Begins a row anew. */
  void begin(long number) {
    this.number = number;
    width = 0;
    used = 0;
    if (bytes.length > KEPT_BYTES) {
      bytes = new byte[KEPT_BYTES];
    }
  }

  /** Sets a text that is UTF-8, or claims to be. */
  void text(int column, byte[] source, int from, int length) {
    int at = append(source, from, length);
    set(column, Kind.TEXT, at);
  }

  void text(int column, char[] source, int from, int length) {
    int at = used;
    room(3L * length);
    used = Utf8.encode(source, from, length, bytes, at);
    set(column, Kind.TEXT, at);
  }

  /** Begins a list of ints, to be followed by {@link #add} and {@link #ints}. */
  int startInts() {
    return used;
  }

  void add(int value) {
    room(4);
    INT.set(bytes, used, value);
    used += 4;
  }

  /** Sets the list of ints that was added since {@code start}. */
  void ints(int column, int start) {
    set(column, Kind.INTS, start);
  }

  /**
   * Sets what can be neither text nor ints.
   *
   * @param found what it is, to go after "is": {@code the number 3}
   */
  void other(int column, String found) {
    byte[] source = found.getBytes(UTF_8);
    int at = append(source, 0, source.length);
    set(column, Kind.OTHER, at);
  }

  void nothing(int column) {
    set(column, Kind.NOTHING, used);
  }

  private int append(byte[] source, int from, int length) {
    int at = used;
    room(length);
    System.arraycopy(source, from, bytes, at, length);
    used += length;
    return at;
  }

  private void room(long more) {
    if (used + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, grown(used + more, bytes.length));
    }
  }

  private static int grown(long needed, int length) {
    if (needed > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException("a row of more than 2 GiB");
    }
    return (int) Math.max(needed, Math.min(2L * length, Integer.MAX_VALUE - 8));
  }

  private void set(int column, Kind kind, int start) {
    if (column >= kinds.length) {
      int length = Math.max(column + 1, 2 * kinds.length);
      kinds = Arrays.copyOf(kinds, length);
      starts = Arrays.copyOf(starts, length);
      ends = Arrays.copyOf(ends, length);
    }
    while (width <= column) {
      kinds[width++] = Kind.NOTHING;
    }
    kinds[column] = kind;
    starts[column] = start;
    ends[column] = used;
  }

  long number() {
    return number;
  }

  /** Columns up to the last that was set. */
  int width() {
    return width;
  }

  Kind kind(int column) {
    return kinds[column];
  }

  byte[] bytes() {
    return bytes;
  }

  int start(int column) {
    return starts[column];
  }

  int length(int column) {
    return ends[column] - starts[column];
  }
}
