package dev.fluxtune.pipeline.tokenize;

import java.util.Arrays;

/**
 * A stretch of text that no token crosses the bounds of, as tokens with their places: first one a
 * byte or character, then merged. Its memory is used again; one thread.
 */
final class Word extends Tokens {
  /** From here on a heap finds the next merge; below, a look at every pair is faster. */
  private static final int LONG = 64;

  private int[] ranks = new int[0]; // of the merge of each token with the one after it
  private int[] before = new int[0];
  private int[] after = new int[0];
  private long[] heap = new long[0];
  private int heaped;

  /** Id, start and end of each token. */
  int[] tokens() {
    int[] tokens = new int[3 * size];
    for (int i = 0; i < size; i++) {
      tokens[3 * i] = ids[i];
      tokens[3 * i + 1] = starts[i];
      tokens[3 * i + 2] = ends[i];
    }
    return tokens;
  }

  /** Merges, of all pairs there are, the lowest by rank and then the first, until there is none. */
  void merge(Merges known) {
    if (ranks.length < size) {
      ranks = new int[ids.length];
    }
    for (int i = 0; i + 1 < size; i++) {
      ranks[i] = known.rank(ids[i], ids[i + 1]);
    }
    if (size < LONG) {
      mergeShort(known);
    } else {
      mergeLong(known);
    }
  }

  private void mergeShort(Merges known) {
    while (true) {
      int best = Merges.NONE;
      int at = -1;
      for (int i = 0; i + 1 < size; i++) {
        if (ranks[i] < best) {
          best = ranks[i];
          at = i;
        }
      }
      if (at < 0) {
        return;
      }
      ids[at] = known.token(best);
      ends[at] = ends[at + 1];
      int rest = size - at - 2;
      System.arraycopy(ids, at + 2, ids, at + 1, rest);
      System.arraycopy(starts, at + 2, starts, at + 1, rest);
      System.arraycopy(ends, at + 2, ends, at + 1, rest);
      System.arraycopy(ranks, at + 2, ranks, at + 1, rest);
      size--;
      if (at > 0) {
        ranks[at - 1] = known.rank(ids[at - 1], ids[at]);
      }
      if (at + 1 < size) {
        ranks[at] = known.rank(ids[at], ids[at + 1]);
      }
    }
  }

  /** In time n log n: neighbours by links, the next merge by a heap of ranks and places. */
  private void mergeLong(Merges known) {
    if (before.length < size) {
      before = new int[ids.length];
      after = new int[ids.length];
    }
    ranks[size - 1] = Merges.NONE;
    heaped = 0;
    for (int i = 0; i < size; i++) {
      before[i] = i - 1;
      after[i] = i + 1;
      push(i);
    }
    while (heaped > 0) {
      long next = pop();
      int at = (int) next;
      int rank = (int) (next >>> 32);
      if (ranks[at] != rank) {
        continue; // merged in another way since
      }
      int gone = after[at];
      ids[at] = known.token(rank);
      ends[at] = ends[gone];
      ranks[gone] = Merges.NONE;
      after[at] = after[gone];
      if (after[at] < size) {
        before[after[at]] = at;
        ranks[at] = known.rank(ids[at], ids[after[at]]);
        push(at);
      } else {
        ranks[at] = Merges.NONE;
      }
      int left = before[at];
      if (left >= 0) {
        ranks[left] = known.rank(ids[left], ids[at]);
        push(left);
      }
    }
    keepLinked();
  }

  /** Moves the tokens that are left to the front. */
  private void keepLinked() {
    int kept = 0;
    for (int i = 0; i < size; i = after[i]) {
      ids[kept] = ids[i];
      starts[kept] = starts[i];
      ends[kept] = ends[i];
      kept++;
    }
    size = kept;
  }

  private void push(int place) {
    if (ranks[place] == Merges.NONE) {
      return;
    }
    if (heaped == heap.length) {
      heap = Arrays.copyOf(heap, Math.max(256, 2 * heaped));
    }
    long entry = (long) ranks[place] << 32 | place;
    int at = heaped++;
    while (at > 0 && heap[(at - 1) / 2] > entry) {
      heap[at] = heap[(at - 1) / 2];
      at = (at - 1) / 2;
    }
    heap[at] = entry;
  }

  private long pop() {
    long top = heap[0];
    long last = heap[--heaped];
    int at = 0;
    while (true) {
      int child = 2 * at + 1;
      if (child >= heaped) {
        break;
      }
      if (child + 1 < heaped && heap[child + 1] < heap[child]) {
        child++;
      }
      if (heap[child] >= last) {
        break;
      }
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return top;
  }
}
