package dev.fluxtune.pipeline.tokenize;

import java.util.Arrays;

/**
 * Which pairs of tokens become one, and which pair goes first. A hash table without objects, a long
 * an entry: of a quarter of a million pairs, each is asked for at every place of every new word,
 * and what that costs is the memory that it reads.
 */
final class Merges {
  /** What {@link #rank} answers where two tokens stay apart; greater than every rank. */
  static final int NONE = Integer.MAX_VALUE;

  /** Ids of tokens that can be merged lie below: a pair of the next one would look as free. */
  static final int MOST_TOKENS = (1 << 20) - 1;

  /** As many merges there can be. */
  static final int MOST_MERGES = (1 << 24) - 1;

  private static final long FREE = -1;

  private final long[] entries; // left (20 bits), right (20), rank (24)
  private final int[] merged; // by rank
  private final int shift;

  /**
   * @param count how many there are; {@link #MOST_MERGES} at most
   */
  Merges(int count) {
    int bits = 33 - Integer.numberOfLeadingZeros(Math.max(8, count)); // at most half full
    entries = new long[1 << bits];
    Arrays.fill(entries, FREE);
    merged = new int[count];
    shift = 64 - bits;
  }

  /**
   * Adds a pair, once. Ids lie below {@link #MOST_TOKENS}.
   *
   * @param rank its place in the file: the lower goes first
   * @param token what it becomes
   */
  void add(int left, int right, int rank, int token) {
    long pair = pair(left, right);
    int at = slot(pair);
    while (entries[at] != FREE && entries[at] >>> 24 != pair) {
      at = next(at);
    }
    entries[at] = pair << 24 | rank;
    merged[rank] = token;
  }

  /** The rank of a pair's merge, or {@link #NONE}. */
  int rank(int left, int right) {
    long pair = pair(left, right);
    int at = slot(pair);
    while (true) {
      long entry = entries[at];
      if (entry >>> 24 == pair) {
        return (int) entry & MOST_MERGES;
      }
      if (entry == FREE) {
        return NONE;
      }
      at = next(at);
    }
  }

  /** The token that a pair of this rank becomes. */
  int token(int rank) {
    return merged[rank];
  }

  private static long pair(int left, int right) {
    return (long) left << 20 | right;
  }

  private int slot(long pair) {
    return (int) ((pair * 0x9E3779B97F4A7C15L) >>> shift);
  }

  private int next(int at) {
    return (at + 1) & (entries.length - 1);
  }
}
