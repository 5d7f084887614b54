package dev.fluxtune.pipeline.tokenize;

import java.util.Map;
import java.util.Optional;

/**
 * Where a text is cut into words: the patterns of the tokenizers that are widely used, each written
 * out. What a pattern calls a letter, a number or a space is Unicode's; a character that this Java
 * does not know yet, and a newer library may, is {@link #UNKNOWN}.
 */
enum Cut {
  /** GPT-2: what the ByteLevel pre-tokenizer does with {@code use_regex}. */
  GPT2 {
    @Override
    int end(char[] text, int at, int length) {
      int contraction = contraction(text, at, length, false);
      if (contraction > 0) {
        return at + contraction;
      }
      int body = text[at] == ' ' && at + 1 < length ? at + 1 : at;
      int kind = kind(text, body);
      if (kind != SPACE) {
        return kind == UNKNOWN ? UNKNOWN : run(text, body, length, kind, Integer.MAX_VALUE);
      }
      return spaces(at, length, run(text, at, length, SPACE, Integer.MAX_VALUE));
    }
  },
  /** Llama 3, and GPT-4 before it. */
  LLAMA3 {
    @Override
    int end(char[] text, int at, int length) {
      return cl100k(text, at, length, 3);
    }
  },
  /** Qwen 2: as Llama 3, but each digit is alone. */
  QWEN2 {
    @Override
    int end(char[] text, int at, int length) {
      return cl100k(text, at, length, 1);
    }
  },
  /** SentencePiece: before each run of spaces. */
  SPACES {
    @Override
    int end(char[] text, int at, int length) {
      int end = at;
      while (end < length && isSpace(text[end])) {
        end++;
      }
      while (end < length && !isSpace(text[end])) {
        end++;
      }
      return end;
    }

    private static boolean isSpace(char c) {
      return c == ' ' || c == Vocabulary.SPACE;
    }
  };

  /** Instead of an end: the text holds a character that cannot be told. */
  static final int UNKNOWN = -1;

  /** An s in another case, as some see it. */
  private static final char LONG_S = '\u017F';

  private static final int OTHER = 0;
  private static final int LETTER = 1;
  private static final int NUMBER = 2;
  private static final int SPACE = 3;

  private static final Map<String, Cut> BY_PATTERN =
      Map.of(
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
              + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          LLAMA3,
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
              + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          QWEN2,
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
          GPT2);

  private static final byte[] KINDS = new byte[1 << 16];

  static {
    for (int c = 0; c < KINDS.length; c++) {
      KINDS[c] = (byte) kind(c);
    }
  }

  /** The one that cuts by a regular expression, where it is written out here. */
  static Optional<Cut> of(String pattern) {
    return Optional.ofNullable(BY_PATTERN.get(pattern));
  }

  /**
   * The end of the word that begins at {@code at}, or {@link #UNKNOWN}.
   *
   * @param text well-formed UTF-16, {@code length} units of it
   */
  abstract int end(char[] text, int at, int length);

  private static int cl100k(char[] text, int at, int length, int digits) {
    int contraction = contraction(text, at, length, true);
    if (contraction > 0) {
      return at + contraction;
    }
    char c = text[at];
    int kind = kind(text, at);
    int next = at + units(c);
    if (kind == UNKNOWN || (c == '\'' && next < length && text[next] == LONG_S)) {
      return UNKNOWN;
    }
    if (kind == LETTER) {
      return run(text, at, length, LETTER, Integer.MAX_VALUE);
    }
    if (kind == NUMBER) {
      return run(text, at, length, NUMBER, digits);
    }
    int following = next < length ? kind(text, next) : SPACE;
    if (following == UNKNOWN) {
      return UNKNOWN;
    }
    if (following == LETTER && c != '\r' && c != '\n') {
      return run(text, next, length, LETTER, Integer.MAX_VALUE);
    }
    if (kind == OTHER || (c == ' ' && following == OTHER)) {
      int end = run(text, kind == OTHER ? at : next, length, OTHER, Integer.MAX_VALUE);
      while (end >= 0 && end < length && isNewline(text[end])) {
        end++;
      }
      return end;
    }
    int end = run(text, at, length, SPACE, Integer.MAX_VALUE);
    for (int last = end; last > at; last--) {
      if (isNewline(text[last - 1])) {
        return last;
      }
    }
    return spaces(at, length, end);
  }

  /** Of spaces before a word, the last one is the word's. */
  private static int spaces(int at, int length, int end) {
    return end == UNKNOWN || end == length || end - at == 1 ? end : end - 1;
  }

  private static boolean isNewline(char c) {
    return c == '\r' || c == '\n';
  }

  /** The length of {@code 's} and the like; 0 where there is none. */
  private static int contraction(char[] text, int at, int length, boolean anyCase) {
    if (text[at] != '\'' || at + 1 == length) {
      return 0;
    }
    char first = letter(text[at + 1], anyCase);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') {
      return 2;
    }
    char second = at + 2 < length ? letter(text[at + 2], anyCase) : 0;
    boolean two =
        (first == 'r' && second == 'e')
            || (first == 'v' && second == 'e')
            || (first == 'l' && second == 'l');
    return two ? 3 : 0;
  }

  private static char letter(char c, boolean anyCase) {
    return anyCase && c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
  }

  /** The end of a run of one kind; {@link #UNKNOWN} where what ends it cannot be told. */
  private static int run(char[] text, int at, int length, int kind, int most) {
    int end = at;
    for (int count = 0; count < most && end < length; count++) {
      int there = kind(text, end);
      if (there == UNKNOWN) {
        return UNKNOWN;
      }
      if (there != kind) {
        break;
      }
      end += units(text[end]);
    }
    return end;
  }

  private static int units(char c) {
    return Character.isHighSurrogate(c) ? 2 : 1;
  }

  private static int kind(char[] text, int at) {
    char c = text[at];
    return Character.isHighSurrogate(c) ? kind(Character.toCodePoint(c, text[at + 1])) : KINDS[c];
  }

  private static int kind(int point) {
    return switch (Character.getType(point)) {
      case Character.UPPERCASE_LETTER,
          Character.LOWERCASE_LETTER,
          Character.TITLECASE_LETTER,
          Character.MODIFIER_LETTER,
          Character.OTHER_LETTER ->
          LETTER;
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
          NUMBER;
      case Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
          SPACE;
      case Character.CONTROL -> (point >= '\t' && point <= '\r') || point == 0x85 ? SPACE : OTHER;
      case Character.UNASSIGNED -> UNKNOWN;
      default -> OTHER;
    };
  }
}
