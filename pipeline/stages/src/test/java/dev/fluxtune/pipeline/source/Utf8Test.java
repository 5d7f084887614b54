package dev.fluxtune.pipeline.source;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Utf8Test {
  /** Bytes near every border of the encoding. */
  private static final int[] BYTES = {
    0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC,
    0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF
  };

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void findsWhatTheStrictDecoderRefuses(long seed) {
    Random random = new Random(seed);
    for (int round = 0; round < 100_000; round++) {
      byte[] bytes = new byte[random.nextInt(6)];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = (byte) BYTES[random.nextInt(BYTES.length)];
      }
      assertThat(Utf8.firstBad(bytes, 0, bytes.length) < 0)
          .as("seed %d: %s", seed, Arrays.toString(bytes))
          .isEqualTo(decodes(bytes));
    }
  }

  private static boolean decodes(byte[] bytes) {
    try {
      UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
      return true;
    } catch (CharacterCodingException e) {
      return false;
    }
  }

  @Test
  void namesThePlaceOfTheFirstBadByte() {
    byte[] latin1 = {'c', 'a', 'f', (byte) 0xE9, ' '};
    assertThat(Utf8.firstBad(latin1, 0, latin1.length)).isEqualTo(3);
    assertThat(Utf8.firstBad(latin1, 0, 3)).isEqualTo(-1);
    assertThat(Utf8.firstBad("日".getBytes(UTF_8), 0, 2)).isZero(); // cut short
  }

  @Test
  void encodesAsTheJdkButForLoneSurrogates() {
    String text = "a\u0000é\u07FF\u0800日\uFFFF😀";
    assertThat(encoded(text)).isEqualTo(text);
    assertThat(encoded("\uD800")).isEqualTo("\uFFFD");
    assertThat(encoded("\uDE00a\uD83D")).isEqualTo("\uFFFDa\uFFFD");
    assertThat(encoded("\uD83D\uD83D\uDE00")).isEqualTo("\uFFFD😀");
  }

  private static String encoded(String text) {
    byte[] bytes = new byte[3 * text.length()];
    int end = Utf8.encode(text.toCharArray(), 0, text.length(), bytes, 0);
    return new String(bytes, 0, end, UTF_8);
  }
}
