package dev.fluxtune.pipeline.tokenize;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of words seen lately. As many as there are places, each word has one, and the later
 * one takes it: a text of new words costs a look and a write each, and no more memory. One thread.
 */
final class WordCache {
  /** Longer ones seldom come again. */
  static final int LONGEST = 32;

  private static final int[] UNKNOWN = new int[0];
  private static final int PLACES = 1 << 15;

  private final @Nullable Entry[] entries = new Entry[PLACES];

  private record Entry(int hash, char[] word, int[] tokens) {}

  /** Id, start and end of each token of a word; empty where it is not known. */
  int[] find(char[] text, int from, int to) {
    int hash = hash(text, from, to);
    Entry entry = entries[place(hash)];
    if (entry == null
        || entry.hash != hash
        || !Arrays.equals(entry.word, 0, entry.word.length, text, from, to)) {
      return UNKNOWN;
    }
    return entry.tokens;
  }

  void keep(char[] text, int from, int to, int[] tokens) {
    int hash = hash(text, from, to);
    entries[place(hash)] = new Entry(hash, Arrays.copyOfRange(text, from, to), tokens);
  }

  private static int hash(char[] text, int from, int to) {
    int hash = 0;
    for (int i = from; i < to; i++) {
      hash = 31 * hash + text[i];
    }
    return hash;
  }

  private static int place(int hash) {
    return (hash * 0x9E3779B9) >>> 17;
  }
}
