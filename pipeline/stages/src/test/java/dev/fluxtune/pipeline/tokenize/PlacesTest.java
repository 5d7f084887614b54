package dev.fluxtune.pipeline.tokenize;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.jni.CharSpan;
import org.junit.jupiter.api.Test;

/** The template of these tokenizers adds one token before the text. */
class PlacesTest {
  private static final int START = 0;

  private final int[] starts = new int[8];
  private final int[] ends = new int[8];
  private final Places places = new Places(spans(-1, -1, 0, 1));

  /** Pairs of start and end; negative: none, as of what the template adds. */
  private static CharSpan[] spans(int... flat) {
    CharSpan[] spans = new CharSpan[flat.length / 2];
    for (int i = 0; i < spans.length; i++) {
      spans[i] = flat[2 * i] < 0 ? null : new CharSpan(flat[2 * i], flat[2 * i + 1]);
    }
    return spans;
  }

  private static long[] tokens(long... tokens) {
    return tokens;
  }

  @Test
  void findsWhatItHasLearned() {
    assertThat(places.find(tokens(START, 5, 6), "one two", starts, ends)).isFalse();
    places.learn(tokens(START, 5, 6), spans(-1, -1, 0, 3, 3, 7), "one two");
    assertThat(places.find(tokens(START, 5, 6, 6), "one two two", starts, ends)).isTrue();
    assertThat(starts).startsWith(0, 0, 3, 7);
    assertThat(ends).startsWith(0, 3, 7, 11);
    assertThat(places.isTemplate(0, 4)).isTrue();
    assertThat(places.isTemplate(1, 4)).isFalse();
  }

  @Test
  void countsCodePoints() {
    places.learn(tokens(START, 5, 6), spans(-1, -1, 0, 1, 1, 2), "𝒳a");
    assertThat(places.find(tokens(START, 5, 6, 6), "𝒳aa", starts, ends)).isTrue();
    assertThat(starts).startsWith(0, 0, 1, 2);
    assertThat(ends).startsWith(0, 1, 2, 3);
  }

  @Test
  void findsNothingWhereTheTextIsAnother() {
    places.learn(tokens(START, 5, 6), spans(-1, -1, 0, 3, 3, 7), "one two");
    assertThat(places.find(tokens(START, 5, 6), "one Two", starts, ends)).isFalse();
    assertThat(places.find(tokens(START, 5, 6), "one two ", starts, ends)).isFalse();
    assertThat(places.find(tokens(START, 5, 6), "one", starts, ends)).isFalse();
  }

  @Test
  void theFirstTokenOfATextMayStandForLess() {
    // Llama 2: "▁one" is "one" at the start and " one" elsewhere.
    places.learn(tokens(START, 5, 5), spans(-1, -1, 0, 3, 3, 7), "one one");
    assertThat(places.find(tokens(START, 5, 5, 5), "one one one", starts, ends)).isTrue();
    assertThat(ends).startsWith(0, 3, 7, 11);
  }

  @Test
  void doesNotLearnTokensThatShareACharacter() {
    long[] halves = tokens(START, 5, 6, 7);
    places.learn(halves, spans(-1, -1, 0, 1, 1, 2, 1, 2), "a漢");
    assertThat(places.find(halves, "a漢", starts, ends)).isFalse();
    places.learn(tokens(START, 5, 7), spans(-1, -1, 0, 1, 1, 2), "a字");
    assertThat(places.find(tokens(START, 5, 7), "a字", starts, ends)).isTrue();
  }

  @Test
  void forgetsATokenThatCouldStandForEitherOfTwoTexts() {
    long[] unknown = tokens(START, 5, 6);
    places.learn(unknown, spans(-1, -1, 0, 1, 1, 2), "a?");
    assertThat(places.find(unknown, "a?", starts, ends)).isTrue();
    places.learn(unknown, spans(-1, -1, 0, 1, 1, 3), "a??");
    assertThat(places.find(unknown, "a?", starts, ends)).isFalse();
    assertThat(places.find(unknown, "a??", starts, ends)).isFalse();
  }
}
