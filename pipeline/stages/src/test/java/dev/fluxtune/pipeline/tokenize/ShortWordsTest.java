package dev.fluxtune.pipeline.tokenize;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests {@link ShortWords}. */
class ShortWordsTest {
  private final ShortWords words = new ShortWords();
  private final Tokens tokens = new Tokens();

  private boolean find(String word, int point) {
    // What follows a word in its text must not matter.
    byte[] text = (word + "a word behind it").getBytes(StandardCharsets.ISO_8859_1);
    tokens.size = 0;
    return words.find(text, 0, word.length(), tokens, point);
  }

  private void keep(String word, int... tokens) {
    assertThat(find(word, 0)).isFalse();
    assertThat(words.takes()).isTrue();
    words.keep(tokens);
  }

  private static int[] some(int[] array, int size) {
    return Arrays.copyOf(array, size);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 8, 9, 15})
  void findsAWordAgainAtAnotherPlace(int length) {
    String word = "abcdefghijklmno".substring(0, length);
    keep(word, 128_000, 0, length);
    assertThat(find(word, 100)).isTrue();
    assertThat(some(tokens.ids, tokens.size)).containsExactly(128_000);
    assertThat(some(tokens.starts, tokens.size)).containsExactly(100);
    assertThat(some(tokens.ends, tokens.size)).containsExactly(100 + length);
  }

  @Test
  void givesUpToSixTokens() {
    keep("abcdefg", 1, 0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5, 4, 6, 6, 6, 7);
    assertThat(find("abcdefg", 10)).isTrue();
    assertThat(some(tokens.ids, tokens.size)).containsExactly(1, 2, 3, 4, 5, 6);
    assertThat(some(tokens.starts, tokens.size)).containsExactly(10, 11, 12, 13, 14, 16);
    assertThat(some(tokens.ends, tokens.size)).containsExactly(11, 12, 13, 14, 16, 17);
  }

  @Test
  void doesNotKeepMore() {
    keep("abcdefg", 1, 0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5, 4, 5, 6, 5, 6, 7, 6, 7);
    assertThat(find("abcdefg", 0)).isFalse();
  }

  @Test
  void tellsWordsApartThatDifferInNothingButZeros() {
    keep("a", 1, 0, 1);
    assertThat(find("a\0", 0)).isFalse();
    assertThat(find("a\0\0\0\0\0\0\0\0", 0)).isFalse();
    assertThat(find("a", 0)).isTrue();
  }

  @Test
  void takesNoOtherCharacters() {
    assertThat(find("na\u00efve", 0)).isFalse();
    assertThat(words.takes()).isFalse();
    assertThat(find("reservation\u00e9", 0)).isFalse();
    assertThat(words.takes()).isFalse();
  }

  @Test
  void neverAnswersWithAnotherWord() {
    Random random = new Random(1);
    for (int i = 0; i < 300_000; i++) {
      String word = Integer.toString(random.nextInt(400_000));
      int id = Integer.parseInt(word);
      if (find(word, 0)) {
        assertThat(tokens.ids[0]).isEqualTo(id);
        assertThat(tokens.ends[0]).isEqualTo(word.length());
      } else {
        words.keep(new int[] {id, 0, word.length()});
      }
    }
  }
}
