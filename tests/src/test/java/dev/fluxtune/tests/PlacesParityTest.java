package dev.fluxtune.tests;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import dev.fluxtune.pipeline.format.Format;
import dev.fluxtune.pipeline.tokenize.Tokenizer;
import dev.fluxtune.schemas.Encoded;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.RunConfig.TokenizerBackend;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The places of tokens, most of them remembered, are those that the library gives. */
class PlacesParityTest {
  private static final String[] PIECES = {
    "a",
    "the",
    "The",
    " the",
    "▁the",
    "Response",
    "###",
    ":",
    "1234567",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\t",
    "\r\n",
    "é",
    "e\u0301",
    "ﬁ",
    "½",
    "漢字",
    "かな",
    "한국어",
    "עברית",
    "العربية",
    "👨‍👩‍👧‍👦",
    "🇩🇪",
    "𝒳𝒴",
    "\u0000",
    "\u200b",
    "\uFFFD",
    "\uFFFF",
    "▁",
    "<s>",
    "</s>",
    "<unk>",
    "<0x41>",
    "<|end_of_text|>",
    "<|begin_of_text|>",
    "unbelievable",
    "ĠĊ",
    "x".repeat(40)
  };

  @Test
  void inOddTextsWithTheTokenizerOfTheRepository() throws IOException {
    Path home = Path.of(System.getProperty("fluxtune.home", ".."));
    check(home.resolve("datasets/tiny-tasks/tokenizer"), odd(3000, 1));
  }

  @Test
  void inOddTextsAndRealRowsWithTheTokenizersOfLlama() throws IOException {
    Path shared = Shared.orSkip("PlacesParityTest");
    for (String name : List.of("llama2", "llama3")) {
      List<Prompted> texts = odd(2000, 2);
      for (String file : List.of("gsm8k_train.json", "roleplay.json")) {
        Shared.rows(shared.resolve("data").resolve(file)).stream()
            .limit(500)
            .map(Format::prompt)
            .forEach(texts::add);
      }
      Collections.shuffle(texts, new Random(3));
      check(shared.resolve("tokenizers").resolve(name), texts);
    }
  }

  private static List<Prompted> odd(int count, long seed) {
    System.out.println("PlacesParityTest: seed " + seed);
    Random random = new Random(seed);
    List<Prompted> texts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      StringBuilder text = new StringBuilder();
      for (int piece = random.nextInt(12); piece > 0; piece--) {
        text.append(PIECES[random.nextInt(PIECES.length)]);
      }
      texts.add(Prompted.of(text.toString()));
    }
    return texts;
  }

  private static void check(Path folder, List<Prompted> texts) throws IOException {
    try (Tokenizer ours =
            Tokenizer.open(
                folder,
                Optional.empty(),
                Optional.empty(),
                OptionalInt.empty(),
                TokenizerBackend.REFERENCE);
        HuggingFaceTokenizer library =
            HuggingFaceTokenizer.newInstance(
                folder.resolve("tokenizer.json"),
                Map.of("truncation", "false", "padding", "false"))) {
      for (Prompted text : texts) {
        Encoded encoded = ours.encode(text);
        CharSpan[] spans = library.encode(text.text()).getCharTokenSpans();
        int last = 0;
        for (int i = 0; i < spans.length; i++) {
          int start = spans[i] == null ? last : spans[i].getStart();
          int end = spans[i] == null ? last : spans[i].getEnd();
          if (encoded.starts()[i] != start || encoded.ends()[i] != end) {
            assertThat(encoded.starts()[i] + ".." + encoded.ends()[i])
                .as("token %d of %s, %s", i, text, folder)
                .isEqualTo(start + ".." + end);
          }
          last = end;
        }
      }
    }
  }
}
