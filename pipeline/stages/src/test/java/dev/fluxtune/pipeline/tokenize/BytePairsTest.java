package dev.fluxtune.pipeline.tokenize;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.Encoded;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.RunConfig.TokenizerBackend;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every id and place is Hugging Face's own. {@code tests/parity/fuzz_tokenizers} runs it at length,
 * over real tokenizers too.
 */
class BytePairsTest {
  private static final int END = 2;

  @TempDir Path folder;

  /** What {@code tests/parity/make_tokenizers.py} made, and the folders that the script names. */
  static Stream<Path> tokenizers() {
    Path made = Path.of(System.getProperty("fluxtune.home"), "pipeline/stages/src/test/resources");
    Stream<Path> shapes =
        Stream.of("gpt2", "llama2", "llama3", "qwen2", "tinyllama")
            .map(made.resolve("tokenizers")::resolve);
    Stream<Path> named =
        Stream.of(System.getProperty("fluxtune.fuzz.tokenizers", "").split(",", -1))
            .filter(name -> !name.isEmpty())
            .map(Path::of);
    return Stream.concat(shapes, named);
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void givesTheIdsAndPlacesOfTheLibrary(Path tokenizer) throws Exception {
    long seed = Long.getLong("fluxtune.fuzz.seed", System.nanoTime());
    int count = Integer.getInteger("fluxtune.fuzz", 2000);
    BytePairs fast = new BytePairs(Vocabulary.read(tokenizer.resolve("tokenizer.json")));
    Random random = new Random(seed);
    int certain = 0;
    try (Tokenizer reference = reference(tokenizer)) {
      for (int i = 0; i < count; i++) {
        certain += same(fast, reference, Strings.next(random), "seed " + seed) ? 1 : 0;
      }
    }
    // Else it would be the library that is compared with itself.
    assertThat(certain).as("seed %d: encoded here", seed).isGreaterThan(count / 3);
    System.out.printf(
        "%s: seed %d, %,d strings, %,d of them encoded here, 0 differences%n",
        tokenizer.getFileName(), seed, count, certain);
  }

  /** Whether the text was encoded here at all. */
  private static boolean same(BytePairs fast, Tokenizer reference, String any, String what) {
    String text = Tokenizer.withoutLoneSurrogates(any);
    Optional<Tokens> tokens = fast.encode(text);
    if (tokens.isEmpty()) {
      return false;
    }
    Tokens found = tokens.get();
    Encoded expected = reference.encode(Prompted.of(text));
    int n = found.size;
    // The reference ends each document, unless it ends so already.
    boolean ended = n > 0 && found.ids[n - 1] == END;
    boolean same =
        expected.ids().length == (ended ? n : n + 1)
            && Arrays.equals(found.ids, 0, n, expected.ids(), 0, n)
            && Arrays.equals(found.starts, 0, n, expected.starts(), 0, n)
            && Arrays.equals(found.ends, 0, n, expected.ends(), 0, n);
    if (!same) {
      assertThat(Arrays.copyOf(found.ids, n))
          .as("%s, ids of %s", what, escaped(text))
          .isEqualTo(Arrays.copyOf(expected.ids(), expected.ids().length - (ended ? 0 : 1)));
      assertThat(Arrays.copyOf(found.starts, n))
          .as("%s, starts of %s", what, escaped(text))
          .isEqualTo(Arrays.copyOf(expected.starts(), n));
      assertThat(Arrays.copyOf(found.ends, n))
          .as("%s, ends of %s", what, escaped(text))
          .isEqualTo(Arrays.copyOf(expected.ends(), n));
    }
    return true;
  }

  private static String escaped(String text) {
    StringBuilder escaped = new StringBuilder();
    text.chars()
        .forEach(c -> escaped.append(c >= ' ' && c < 127 ? (char) c : "\\u%04X".formatted(c)));
    return escaped.toString();
  }

  private static Tokenizer reference(Path tokenizer) {
    return Tokenizer.open(
        tokenizer,
        Optional.empty(),
        Optional.empty(),
        OptionalInt.of(END),
        TokenizerBackend.REFERENCE);
  }

  /**
   * Of every character that this Java knows, it shows whether words are cut around it as the
   * library cuts them: in a vocabulary where "x", "1" and "!" merge with each byte that a character
   * can begin with, which they do inside a word only.
   */
  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "llama3", "qwen2"})
  void everyCharacterIsOfTheKindThatTheLibrarySees(String shape) throws Exception {
    Path made = tokenizers().filter(it -> it.endsWith(shape)).findFirst().orElseThrow();
    ObjectNode file =
        (ObjectNode) new ObjectMapper().readTree(made.resolve("tokenizer.json").toFile());
    ObjectNode model = (ObjectNode) file.get("model");
    ObjectNode ids = model.putObject("vocab");
    for (int b = 0; b < 256; b++) {
      ids.put(String.valueOf(ByteLevel.character(b)), b);
    }
    ArrayNode merges = model.putArray("merges");
    for (String first : new String[] {"x", "1", "!"}) {
      for (int lead = 0; lead < 256; lead++) {
        String second = String.valueOf(ByteLevel.character(lead));
        merges.add(first + " " + second);
        ids.put(first + second, ids.size());
      }
    }
    file.putNull("post_processor");
    file.putNull("normalizer"); // which would compose some
    file.putArray("added_tokens");
    Path json = folder.resolve("tokenizer.json");
    Files.writeString(json, file.toString());

    BytePairs fast = new BytePairs(Vocabulary.read(json));
    int seen = 0;
    try (Tokenizer reference = reference(folder)) {
      StringBuilder text = new StringBuilder();
      for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
        int type = Character.getType(c);
        boolean skipped =
            type == Character.UNASSIGNED
                || type == Character.SURROGATE
                || (type == Character.PRIVATE_USE && c % 256 != 0);
        if (!skipped) {
          seen++;
          String one = Character.toString(c);
          text.append('x').append(one).append("1").append(one).append(" !").append(one).append(one);
        }
        if (text.length() > 400 || c == Character.MAX_CODE_POINT) {
          same(fast, reference, text.toString(), "around U+%04X".formatted(c));
          text.setLength(0);
        }
      }
    }
    assertThat(seen).isGreaterThan(140_000);
  }

  @Test
  void wordsOfAnyLengthAreMerged() throws Exception {
    Path tokenizer = tokenizers().filter(it -> it.endsWith("llama3")).findFirst().orElseThrow();
    BytePairs fast = new BytePairs(Vocabulary.read(tokenizer.resolve("tokenizer.json")));
    Random random = new Random(5);
    try (Tokenizer reference = reference(tokenizer)) {
      for (int length : new int[] {31, 32, 33, 63, 64, 65, 1000, 100_000}) {
        StringBuilder word = new StringBuilder();
        random.ints(length, 'a', 'z' + 1).forEach(word::appendCodePoint);
        assertThat(same(fast, reference, word.toString(), "length " + length)).isTrue();
        assertThat(same(fast, reference, "e".repeat(length), "length " + length)).isTrue();
      }
    }
  }

  @Test
  void leavesToTheLibraryWhatIsNotCertain() throws Exception {
    Path qwen = tokenizers().filter(it -> it.endsWith("qwen2")).findFirst().orElseThrow();
    BytePairs fast = new BytePairs(Vocabulary.read(qwen.resolve("tokenizer.json")));

    assertThat(fast.encode("an <|endoftext|> inside")).as("added token").isEmpty();
    assertThat(fast.encode("cafe\u0301")).as("not composed").isEmpty();
    assertThat(fast.encode("a\u0378b")).as("unassigned character").isEmpty();
    assertThat(fast.encode("it'\u017F")).as("long s").isEmpty();
    assertThat(fast.encode("an <|end inside, caf\u00E9")).isPresent();
  }
}
