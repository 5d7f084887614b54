package dev.fluxtune.pipeline.tokenize;

/**
 * Which pairs of tokens become one, and which pair goes first. A hash table without objects: of a
 * quarter of a million pairs, each is asked for at every place of every new word.
 */
final class Merges {
  /** What {@link #find} answers where two tokens stay apart; greater than every merge. */
  static final long NONE = Long.MAX_VALUE;

  private final long[] pairs;
  private final long[] merges;
  private final int mask;

  /**
   * @param count how many will be added at most
   */
  Merges(int count) {
    int size = Integer.highestOneBit(Math.max(16, count)) << 2; // at most half full
    pairs = new long[size];
    merges = new long[size];
    mask = size - 1;
  }

  /**
   * Adds a pair, once.
   *
   * @param rank its place in the file: the lower goes first
   * @param merged the token that it becomes
   */
  void add(int left, int right, int rank, int merged) {
    long pair = pair(left, right);
    int at = slot(pair);
    while (pairs[at] != 0 && pairs[at] != pair) {
      at = (at + 1) & mask;
    }
    pairs[at] = pair;
    merges[at] = (long) rank << 32 | merged;
  }

  /** The rank of a pair's merge, in the upper half, and its token; or {@link #NONE}. */
  long find(int left, int right) {
    long pair = pair(left, right);
    int at = slot(pair);
    while (pairs[at] != pair) {
      if (pairs[at] == 0) {
        return NONE;
      }
      at = (at + 1) & mask;
    }
    return merges[at];
  }

  /** Never 0, which marks what is free. */
  private static long pair(int left, int right) {
    return (long) (left + 1) << 32 | right;
  }

  private int slot(long pair) {
    long mixed = pair * 0x9E3779B97F4A7C15L;
    return (int) (mixed ^ mixed >>> 32) & mask;
  }
}
