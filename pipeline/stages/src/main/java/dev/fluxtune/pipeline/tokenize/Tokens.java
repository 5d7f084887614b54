package dev.fluxtune.pipeline.tokenize;

import java.util.Arrays;

/**
 * Tokens with their places. The arrays are longer than {@code size}, and their memory is used
 * again; one thread.
 */
class Tokens {
  int size;
  int[] ids = new int[256];
  int[] starts = new int[256];
  int[] ends = new int[256];

  /**
   * @param start the first character that the token holds a part of
   * @param end the one after the last
   */
  final void add(int id, int start, int end) {
    if (size == ids.length) {
      ids = Arrays.copyOf(ids, 2 * size);
      starts = Arrays.copyOf(starts, 2 * size);
      ends = Arrays.copyOf(ends, 2 * size);
    }
    ids[size] = id;
    starts[size] = start;
    ends[size] = end;
    size++;
  }
}
