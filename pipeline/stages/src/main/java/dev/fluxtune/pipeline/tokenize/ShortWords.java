package dev.fluxtune.pipeline.tokenize;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The tokens of short ASCII words seen lately: most words of most texts. All of a word lies in six
 * numbers on end, since a look costs what it waits for memory. Each word has two places and takes
 * the first; what was there moves to the second. One thread.
 */
final class ShortWords {
  /** Bytes of the longest word. */
  static final int LONGEST = 15;

  /** Bytes behind a text that may be read. */
  static final int BEHIND = 16;

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long NOT_ASCII = 0x8080_8080_8080_8080L;

  private static final int SETS = 1 << 15;
  private static final int MOST_TOKENS = 6;

  // Bytes 0 to 7 of a word; 8 to 14 and its length; ids, two a number; how many, and their ends.
  private static final int ENTRY = 6;
  private static final int IDS = 2;
  private static final int ENDS = 5;
  private static final int SET = 2 * ENTRY;

  private final long[] entries = new long[SETS * SET];

  // The word that was looked for last.
  private long head;
  private long rest;
  private int set;

  /**
   * Looks for a word of {@link #LONGEST} bytes at most.
   *
   * @param text its bytes; those that are no ASCII are negative. {@link #BEHIND} more follow it
   * @param into where its tokens are added, if it is known
   * @param point its place
   * @return whether it was known
   */
  boolean find(byte[] text, int from, int to, Tokens into, int point) {
    int length = to - from;
    long first = (long) LONG.get(text, from);
    long second = (long) LONG.get(text, from + 8);
    int bits = 8 * length;
    head = bits < 64 ? first & ((1L << bits) - 1) : first;
    rest =
        (bits <= 64 ? 0 : second & ((1L << bits) - 1))
            | (long) length << 56; // shifts take bits mod 64
    long mixed = head * 0x9E3779B97F4A7C15L + rest * 0xC2B2AE3D27D4EB4FL;
    set = (int) (((mixed ^ mixed >>> 29) * 0x9E3779B97F4A7C15L) >>> 49) * SET;
    for (int at = set; at < set + SET; at += ENTRY) {
      if (entries[at] == head && entries[at + 1] == rest) {
        add(at, into, point);
        return true;
      }
    }
    return false;
  }

  private void add(int at, Tokens into, int point) {
    long ends = entries[at + ENDS];
    int start = point;
    for (int i = 0; i < (int) (ends & 0xFF); i++) {
      int end = point + ((int) (ends >>> (8 * i + 8)) & 0xFF);
      into.add((int) (entries[at + IDS + i / 2] >>> (32 * (i & 1))), start, end);
      start = end;
    }
  }

  /** Whether the word that was looked for last is one to be kept: of ASCII alone. */
  boolean takes() {
    return ((head | rest) & NOT_ASCII) == 0;
  }

  /**
   * Keeps the tokens of the word that was looked for last, if they are few.
   *
   * @param tokens id, start and end of each; each begins where the one before it ends
   */
  void keep(int[] tokens) {
    int count = tokens.length / 3;
    if (count > MOST_TOKENS) {
      return;
    }
    System.arraycopy(entries, set, entries, set + ENTRY, ENTRY);
    entries[set] = head;
    entries[set + 1] = rest;
    Arrays.fill(entries, set + IDS, set + ENDS, 0);
    long ends = count;
    for (int i = 0; i < count; i++) {
      entries[set + IDS + i / 2] |= (long) tokens[3 * i] << (32 * (i & 1));
      ends |= (long) tokens[3 * i + 2] << (8 * i + 8);
    }
    entries[set + ENDS] = ends;
  }
}
