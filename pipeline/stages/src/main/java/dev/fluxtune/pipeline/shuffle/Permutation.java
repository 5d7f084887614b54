package dev.fluxtune.pipeline.shuffle;

/**
 * A permutation of {@code 0 … size - 1} that is a function of seed and epoch, in O(1) memory, so
 * that going on at place k is arithmetic: a balanced Feistel network over the next even number of
 * bits, walked until the value falls inside (Black and Rogaway, Ciphers with Arbitrary Finite
 * Domains, 2002).
 */
public final class Permutation {
  private static final int ROUNDS = 6;

  private final long size;
  private final int halfBits;
  private final long[] keys = new long[ROUNDS];

  /**
   * @param size elements, at least 1
   */
  public Permutation(long size, long seed, long epoch) {
    if (size < 1) {
      throw new IllegalArgumentException("size must be at least 1 (got " + size + ")");
    }
    this.size = size;
    int bits = 64 - Long.numberOfLeadingZeros(Math.max(size - 1, 1));
    this.halfBits = (bits + 1) / 2;
    long key = mix(seed, epoch);
    for (int round = 0; round < ROUNDS; round++) {
      key = mix(key, round);
      keys[round] = key;
    }
  }

  /**
   * The element at a place.
   *
   * @param place from 0 to size - 1
   */
  public long at(long place) {
    if (place < 0 || place >= size) {
      throw new IndexOutOfBoundsException("place " + place + " of " + size);
    }
    long value = place;
    do {
      value = encrypt(value);
    } while (value >= size); // at most four times as many values as places
    return value;
  }

  private long encrypt(long value) {
    long mask = (1L << halfBits) - 1;
    long left = value >>> halfBits;
    long right = value & mask;
    for (long key : keys) {
      long next = left ^ (mix(key, right) & mask);
      left = right;
      right = next;
    }
    return left << halfBits | right;
  }

  /** SplitMix64's finalizer over both numbers. */
  static long mix(long a, long b) {
    long z = a + 0x9E3779B97F4A7C15L * (b + 1);
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
