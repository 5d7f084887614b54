package dev.fluxtune.pipeline.tokenize;

import java.util.Optional;

/**
 * How vocabularies of bytes write them: a printable character for each ({@code bytes_to_unicode} of
 * GPT-2's encoder).
 */
final class ByteLevel {
  private static final char[] CHARACTERS = new char[256];
  private static final char[] BYTES = new char[512]; // by character, plus one; 0: none

  static {
    char next = 256;
    for (int b = 0; b < 256; b++) {
      boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      CHARACTERS[b] = printable ? (char) b : next++;
      BYTES[CHARACTERS[b]] = (char) (b + 1);
    }
  }

  private ByteLevel() {}

  /** What stands for a byte, 0 to 255. */
  static char character(int value) {
    return CHARACTERS[value];
  }

  /** The bytes of a token, one a char; empty where it is not written in them. */
  static Optional<String> bytes(String token) {
    char[] bytes = new char[token.length()];
    for (int i = 0; i < bytes.length; i++) {
      char c = token.charAt(i);
      if (c >= BYTES.length || BYTES[c] == 0) {
        return Optional.empty();
      }
      bytes[i] = (char) (BYTES[c] - 1);
    }
    return Optional.of(new String(bytes));
  }
}
