package dev.fluxtune.pipeline.tokenize;

import ai.djl.huggingface.tokenizers.jni.CharSpan;
import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * Remembers what text each token stood for, and finds the places of a document's tokens by it:
 * asking the library for places takes nearly as long as tokenizing. A document is placed only if
 * what its tokens stood for is, end to end, its very text; else the library has to be asked, and
 * its answer is learned. Called from several threads at once.
 */
final class Places {
  private final int templateStart;
  private final int templateEnd;

  // By 2 * id, and 2 * id + 1 for the first token of a text: it may stand for less there (Llama 2
  // sees a space before each text). An element that is written late is only learned again.
  private volatile @Nullable String[] texts = new String[0];
  private final BitSet ambiguous = new BitSet();

  /**
   * @param example the library's answer for some text that is not empty: null where the template
   *     has added a token
   */
  Places(CharSpan[] example) {
    int first = 0;
    while (first < example.length && example[first] == null) {
      first++;
    }
    int last = example.length;
    while (last > first && example[last - 1] == null) {
      last--;
    }
    templateStart = first;
    templateEnd = example.length - last;
  }

  /** Whether the template has added the token, to {@code count} in all. */
  boolean isTemplate(int token, int count) {
    return token < templateStart || token >= count - templateEnd;
  }

  /**
   * Finds the place of each token, in code points.
   *
   * @return false if it cannot; {@code starts} and {@code ends} are then undefined
   */
  boolean find(long[] tokens, String text, int[] starts, int[] ends) {
    @Nullable String[] known = texts;
    int unit = 0;
    int point = 0;
    for (int i = 0; i < tokens.length; i++) {
      starts[i] = point;
      if (!isTemplate(i, tokens.length)) {
        int key = key(tokens, i);
        String stoodFor = key < known.length ? known[key] : null;
        if (stoodFor == null || !text.startsWith(stoodFor, unit)) {
          return false;
        }
        unit += stoodFor.length();
        point += stoodFor.codePointCount(0, stoodFor.length());
      }
      ends[i] = point;
    }
    return unit == text.length();
  }

  /** Learns from the library's answer. */
  synchronized void learn(long[] tokens, @Nullable CharSpan[] places, String text) {
    int unit = 0;
    int point = 0;
    for (int i = 0; i < tokens.length; i++) {
      CharSpan place = places[i];
      if (place == null) {
        continue;
      }
      // A token that holds a part of a character only stands for no text of its own.
      boolean shared =
          place.getStart() < point
              || (i + 1 < tokens.length
                  && places[i + 1] != null
                  && places[i + 1].getStart() < place.getEnd());
      if (place.getStart() >= point) {
        unit = text.offsetByCodePoints(unit, place.getStart() - point);
        point = place.getStart();
      }
      if (place.getEnd() >= point) {
        int end = text.offsetByCodePoints(unit, place.getEnd() - point);
        if (!shared) {
          learn(key(tokens, i), text.substring(unit, end));
        }
        unit = end;
        point = place.getEnd();
      }
    }
  }

  private void learn(int key, String text) {
    if (ambiguous.get(key)) {
      return;
    }
    if (key >= texts.length) {
      texts = Arrays.copyOf(texts, Math.max(key + 1, 2 * texts.length));
    }
    String before = texts[key];
    if (before == null) {
      texts[key] = text;
    } else if (!before.equals(text) && (before.startsWith(text) || text.startsWith(before))) {
      ambiguous.set(key); // both could fit
      texts[key] = null;
    }
  }

  private int key(long[] tokens, int i) {
    return 2 * (int) tokens[i] + (i == templateStart ? 1 : 0);
  }
}
