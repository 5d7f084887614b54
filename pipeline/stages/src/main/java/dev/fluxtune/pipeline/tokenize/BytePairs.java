package dev.fluxtune.pipeline.tokenize;

import java.text.Normalizer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
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
  private final int[] characters; // ids by character, -1 where there is none
  private final ThreadLocal<Scratch> scratches;
  private final LongAdder words = new LongAdder();
  private final LongAdder merged = new LongAdder();

  /** What a thread works with. */
  private static final class Scratch {
    final Tokens tokens = new Tokens();
    final Word word = new Word();
    final ShortWords shortWords = new ShortWords();
    final WordCache otherWords = new WordCache();
    char[] text = new char[4096];
    byte[] ascii = new byte[4096 + ShortWords.BEHIND]; // the same; negative: another character
    final StringBuilder bytes = new StringBuilder(); // of a word, one a char
    int words; // of the text
    int merged; // of them, those whose tokens were not at hand

    void take(String from) {
      int length = from.length();
      if (text.length < length) {
        text = new char[Math.max(length, 2 * text.length)];
        ascii = new byte[text.length + ShortWords.BEHIND];
      }
      from.getChars(0, length, text, 0);
      for (int i = 0; i < length; i++) {
        ascii[i] = (byte) (text[i] | (0x7F - text[i]) >> 31);
      }
    }
  }

  BytePairs(Vocabulary vocabulary) {
    this.vocabulary = vocabulary;
    this.added = byBeginning(vocabulary.added());
    this.characters = byCharacter(vocabulary.characters());
    this.scratches = ThreadLocal.withInitial(Scratch::new);
  }

  private static int[] byCharacter(Map<Integer, Integer> ids) {
    int[] found = new int[1 + ids.keySet().stream().max(Comparator.naturalOrder()).orElse(-1)];
    Arrays.fill(found, -1);
    ids.forEach((character, id) -> found[character] = id);
    return found;
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
    scratch.take(text);
    Tokens tokens = scratch.tokens;
    tokens.size = 0;
    for (int id : vocabulary.before()) {
      tokens.add(id, 0, 0);
    }
    scratch.words = 0;
    scratch.merged = 0;
    int points = words(scratch, text.length());
    if (points < 0) {
      return Optional.empty();
    }
    words.add(scratch.words);
    merged.add(scratch.merged);
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
      scratch.words++;
      boolean opened = at == 0 && opens(text[0]);
      if (!opened
          && end - at <= ShortWords.LONGEST
          && scratch.shortWords.find(scratch.ascii, at, end, tokens, point)) {
        point += end - at;
      } else {
        int[] word = word(scratch, at, end, opened);
        for (int i = 0; i < word.length; i += 3) {
          tokens.add(word[i], point + word[i + 1], point + word[i + 2]);
        }
        point += word[word.length - 1];
      }
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

  /** The tokens of a word that is not among the short ones seen lately. */
  private int[] word(Scratch scratch, int at, int end, boolean opened) {
    if (opened || end - at > WordCache.LONGEST) {
      return merged(scratch, at, end, opened);
    }
    if (end - at <= ShortWords.LONGEST && scratch.shortWords.takes()) {
      int[] word = merged(scratch, at, end, false);
      scratch.shortWords.keep(word);
      return word;
    }
    int[] known = scratch.otherWords.find(scratch.text, at, end);
    if (known.length > 0) {
      return known;
    }
    int[] word = merged(scratch, at, end, false);
    scratch.otherWords.keep(scratch.text, at, end, word);
    return word;
  }

  private int[] merged(Scratch scratch, int at, int end, boolean opened) {
    scratch.merged++;
    Word word = scratch.word;
    word.size = 0;
    scratch.bytes.setLength(0);
    if (opened) {
      // The space put before a text has the place of its first character.
      word.add(characters[Vocabulary.SPACE], 0, 1);
    }
    int point = 0;
    for (int i = at; i < end; point++) {
      int c = scratch.text[i];
      if (Character.isHighSurrogate((char) c)) {
        c = Character.toCodePoint((char) c, scratch.text[i + 1]);
        i++;
      }
      i++;
      int character = c == ' ' ? Vocabulary.SPACE : c;
      if (character < characters.length && characters[character] >= 0) {
        word.add(characters[character], point, point + 1);
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

  Words words() {
    return new Words(words.sum(), merged.sum());
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
