package dev.fluxtune.pipeline.source;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CodingErrorAction;

/** UTF-8 that is checked: where the JDK would put U+FFFD, bad bytes are found. */
final class Utf8 {
  private Utf8() {}

  /** The place of the first byte that begins no character, or -1. */
  static int firstBad(byte[] bytes, int from, int to) {
    int i = from;
    while (i < to) {
      int b = bytes[i];
      if (b >= 0) {
        i++;
        continue;
      }
      int length = length(b & 0xFF);
      if (length == 0 || i + length > to || !isTail(bytes, i, length)) {
        return i;
      }
      i += length;
    }
    return -1;
  }

  /** Bytes of the character that begins so; 0 if none does. */
  private static int length(int lead) {
    if (lead < 0xC2) {
      return 0; // a continuation, or two bytes for what needs one
    }
    if (lead < 0xE0) {
      return 2;
    }
    return lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  }

  private static boolean isTail(byte[] bytes, int at, int length) {
    for (int k = 1; k < length; k++) {
      if ((bytes[at + k] & 0xC0) != 0x80) {
        return false;
      }
    }
    int second = bytes[at + 1] & 0xFF;
    return switch (bytes[at] & 0xFF) {
      case 0xE0 -> second >= 0xA0; // shorter forms exist
      case 0xED -> second < 0xA0; // surrogates
      case 0xF0 -> second >= 0x90;
      case 0xF4 -> second < 0x90; // past U+10FFFF
      default -> true;
    };
  }

  /**
   * A reader that throws {@link java.nio.charset.CharacterCodingException} at the first bad byte.
   */
  static Reader reader(InputStream in) {
    return new InputStreamReader(
        in,
        UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT));
  }

  /**
   * Writes characters as UTF-8, a lone surrogate as U+FFFD.
   *
   * @param to has room for three bytes a character
   * @return the place after the last byte
   */
  static int encode(char[] chars, int from, int length, byte[] to, int at) {
    int out = at;
    for (int i = from; i < from + length; i++) {
      int c = chars[i];
      if (c < 0x80) {
        to[out++] = (byte) c;
      } else if (c < 0x800) {
        to[out++] = (byte) (0xC0 | c >> 6);
        to[out++] = (byte) (0x80 | (c & 0x3F));
      } else if (Character.isHighSurrogate((char) c)
          && i + 1 < from + length
          && Character.isLowSurrogate(chars[i + 1])) {
        int point = Character.toCodePoint((char) c, chars[++i]);
        to[out++] = (byte) (0xF0 | point >> 18);
        to[out++] = (byte) (0x80 | ((point >> 12) & 0x3F));
        to[out++] = (byte) (0x80 | ((point >> 6) & 0x3F));
        to[out++] = (byte) (0x80 | (point & 0x3F));
      } else {
        int whole = Character.isSurrogate((char) c) ? 0xFFFD : c;
        to[out++] = (byte) (0xE0 | whole >> 12);
        to[out++] = (byte) (0x80 | ((whole >> 6) & 0x3F));
        to[out++] = (byte) (0x80 | (whole & 0x3F));
      }
    }
    return out;
  }
}
