package dev.fluxtune.pipeline.tokenize;

import java.text.Normalizer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Byte-pair encoding (Sennrich et al. 2016, as Hugging Face's {@code tokenizers} does it) in memory
 * of its own: words are cut, looked up among those seen lately, else merged. Ids and places are the
 * library's, or a text is declined. Called from several threads.
 */
final class BytePairs {
  private final Vocabulary vocabulary;
  private final Map<String, List<String>>
      added; // by what those with the same first char begin with
  private final ThreadLocal<Scratch> scratches;

  /** What a thread works with. */
  private static final class Scratch {
    final Tokens tokens = new Tokens();
    final Word word = new Word();
    final WordCache cache = new WordCache();
    char[] text = new char[4096];
    final StringBuilder bytes = new StringBuilder(); // of a word, one a char
  }

  BytePairs(Vocabulary vocabulary) {
    this.vocabulary = vocabulary;
    this.added = byBeginning(vocabulary.added());
    this.scratches = ThreadLocal.withInitial(Scratch::new);
  }

  private static Map<String, List<String>> byBeginning(List<String> added) {
    Map<Character, List<String>> byFirst =
        added.stream().distinct().collect(Collectors.groupingBy(token -> token.charAt(0)));
    Map<String, List<String>> byBeginning = new LinkedHashMap<>();
    byFirst
        .values()
        .forEach(
            tokens -> {
              String common = tokens.get(0);
              for (String token : tokens) {
                while (!token.startsWith(common)) {
                  common = common.substring(0, common.length() - 1);
                }
              }
              byBeginning.put(common, tokens);
            });
    return byBeginning;
  }

  /**
   * Encodes a text.
   *
   * @param text without lone surrogates
   * @return its tokens, with the template's, until this thread's next call; empty where the text is
   *     not certain here
   */
  Optional<Tokens> encode(String text) {
    if (holdsAdded(text)
        || (vocabulary.composed() && !Normalizer.isNormalized(text, Normalizer.Form.NFC))) {
      return Optional.empty();
    }
    Scratch scratch = scratches.get();
    int length = text.length();
    if (scratch.text.length < length) {
      scratch.text = new char[Math.max(length, 2 * scratch.text.length)];
    }
    text.getChars(0, length, scratch.text, 0);
    Tokens tokens = scratch.tokens;
    tokens.size = 0;
    for (int id : vocabulary.before()) {
      tokens.add(id, 0, 0);
    }
    int points = words(scratch, length);
    if (points < 0) {
      return Optional.empty();
    }
    for (int id : vocabulary.after()) {
      tokens.add(id, points, points);
    }
    return Optional.of(tokens);
  }

  /** Encodes each word; returns the text's length in code points, or {@link Cut#UNKNOWN}. */
  private int words(Scratch scratch, int length) {
    char[] text = scratch.text;
    Tokens tokens = scratch.tokens;
    int point = 0;
    for (int at = 0; at < length; ) {
      int end = vocabulary.cut().end(text, at, length);
      if (end < 0) {
        return Cut.UNKNOWN;
      }
      boolean opened = at == 0 && opens(text[0]);
      int[] word =
          !opened && end - at <= WordCache.LONGEST
              ? cached(scratch, at, end)
              : merged(scratch, at, end, opened);
      for (int i = 0; i < word.length; i += 3) {
        tokens.add(word[i], point + word[i + 1], point + word[i + 2]);
      }
      point += word[word.length - 1];
      at = end;
    }
    return point;
  }

  private boolean opens(char first) {
    return switch (vocabulary.opening()) {
      case AS_IT_IS -> false;
      case SPACE -> true;
      case SPACE_IF_NONE -> first != ' ' && first != Vocabulary.SPACE;
    };
  }

  private int[] cached(Scratch scratch, int at, int end) {
    int[] known = scratch.cache.find(scratch.text, at, end);
    if (known.length > 0) {
      return known;
    }
    int[] word = merged(scratch, at, end, false);
    scratch.cache.keep(scratch.text, at, end, word);
    return word;
  }

  private int[] merged(Scratch scratch, int at, int end, boolean opened) {
    Word word = scratch.word;
    word.size = 0;
    scratch.bytes.setLength(0);
    if (opened) {
      // The space put before a text has the place of its first character.
      word.add(Objects.requireNonNull(vocabulary.characters().get((int) Vocabulary.SPACE)), 0, 1);
    }
    int point = 0;
    for (int i = at; i < end; point++) {
      int c = scratch.text[i];
      if (Character.isHighSurrogate((char) c)) {
        c = Character.toCodePoint((char) c, scratch.text[i + 1]);
        i++;
      }
      i++;
      Integer id = vocabulary.characters().get(c == ' ' ? (int) Vocabulary.SPACE : c);
      if (id != null) {
        word.add(id, point, point + 1);
        continue;
      }
      // UTF-8
      if (c < 0x80) {
        addByte(scratch, c, point);
      } else {
        int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        addByte(scratch, ((0xF0 << (3 - more)) & 0xFF) | c >> (6 * more), point);
        while (more-- > 0) {
          addByte(scratch, 0x80 | ((c >> (6 * more)) & 0x3F), point);
        }
      }
    }
    if (!vocabulary.whole().isEmpty()) {
      Integer id = vocabulary.whole().get(scratch.bytes.toString());
      if (id != null) {
        return new int[] {id, 0, point};
      }
    }
    word.merge(vocabulary.merges());
    return word.tokens();
  }

  private void addByte(Scratch scratch, int value, int point) {
    scratch.word.add(vocabulary.bytes()[value], point, point + 1);
    scratch.bytes.append((char) value);
  }

  private boolean holdsAdded(String text) {
    for (Map.Entry<String, List<String>> tokens : added.entrySet()) {
      String beginning = tokens.getKey();
      for (int at = text.indexOf(beginning); at >= 0; at = text.indexOf(beginning, at + 1)) {
        for (String token : tokens.getValue()) {
          if (text.startsWith(token, at)) {
            return true;
          }
        }
      }
    }
    return false;
  }
}
