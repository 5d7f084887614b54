package dev.fluxtune.pipeline.tokenize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.pipeline.mask.Mask;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Encoded;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.RunConfig.TokenizerBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerTest {
  private static final int EOS = 501;
  private static final String LOWERCASE = "\"normalizer\": {\"type\": \"Lowercase\"}";
  private static final Path TINY =
      Path.of(System.getProperty("fluxtune.home"), "datasets/tiny-tasks/tokenizer/tokenizer.json");

  private static Tokenizer open(Path path) {
    return Tokenizer.open(path, Optional.empty(), Optional.empty(), OptionalInt.empty());
  }

  private static int endId(Path folder, Path model) {
    try (Tokenizer opened =
        Tokenizer.open(folder, Optional.of(model), Optional.empty(), OptionalInt.empty())) {
      return opened.endId();
    }
  }

  @Test
  void givesTheIdsAndPlacesOfThePythonOriginal() throws IOException {
    JsonNode golden =
        new ObjectMapper().readTree(getClass().getResourceAsStream("/parity/ids.json"));
    assertThat(golden.get("cases")).hasSize(10);
    try (Tokenizer tokenizer = open(TINY)) {
      for (JsonNode c : golden.get("cases")) {
        String text = c.get("text").asText();
        Encoded encoded = tokenizer.encode(Prompted.of(text));
        int n = c.get("ids").size();
        boolean ended = n > 0 && c.get("ids").get(n - 1).asInt() == EOS;
        assertThat(encoded.ids()).as(text).hasSize(ended ? n : n + 1).endsWith(EOS);
        for (int i = 0; i < n; i++) {
          assertThat(encoded.ids()[i]).as(text).isEqualTo(c.get("ids").get(i).asInt());
          assertThat(encoded.starts()[i])
              .as(text)
              .isEqualTo(c.get("offsets").get(i).get(0).asInt());
          assertThat(encoded.ends()[i]).as(text).isEqualTo(c.get("offsets").get(i).get(1).asInt());
        }
      }
    }
  }

  @Test
  void trainsExactlyTheCompletionBehindCharactersOutsideTheBasicPlane() {
    try (Tokenizer tokenizer = open(TINY)) {
      Encoded encoded = tokenizer.encode(Prompted.of("🙂🙂 12", "34"));
      boolean[] trained = Mask.mark(encoded).trained();
      int n = trained.length;
      assertThat(trained[n - 4]).isFalse();
      assertThat(new boolean[] {trained[n - 3], trained[n - 2], trained[n - 1]})
          .containsExactly(true, true, true);
    }
  }

  @Test
  void repairsOnlyLoneSurrogates() {
    assertThat(Tokenizer.withoutLoneSurrogates("a\uD83D b\uDE42 🙂"))
        .isEqualTo("a\uFFFD b\uFFFD 🙂");
  }

  @Test
  void refusesWhatIsNoTokenizerAndACallAfterClose() {
    assertThatThrownBy(() -> open(Path.of("missing.json")))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("missing.json");
    Tokenizer closed = open(TINY);
    closed.close();
    assertThatThrownBy(() -> closed.encode(Prompted.of("x")))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void countsSpecialTokensThatARowWroteItself() {
    try (Tokenizer tokenizer = open(TINY)) {
      Encoded encoded = tokenizer.encode(Prompted.of("a<|end_of_text|>b"));
      assertThat(encoded.ids()).contains(EOS).endsWith(EOS);
      assertThat(tokenizer.specialsInText()).isEqualTo(1);
      assertThat(tokenizer.decode(encoded.ids())).isEqualTo("a<|end_of_text|>b<|end_of_text|>");
    }
  }

  @Test
  void aPromptHasNoEndUnlessItIsWrittenThere() {
    try (Tokenizer tokenizer = open(TINY)) {
      int[] whole = tokenizer.encode(Prompted.of("a stone")).ids();
      assertThat(whole).endsWith(EOS);
      assertThat(tokenizer.prompt("a stone")).isEqualTo(Arrays.copyOf(whole, whole.length - 1));
      assertThat(tokenizer.prompt("a stone<|end_of_text|>")).isEqualTo(whole);
      assertThat(tokenizer.prompt("")).isEmpty();
    }
  }

  @Test
  void leavesSpecialTokensOutOfTheText() {
    try (Tokenizer tokenizer = open(TINY)) {
      int[] ids = tokenizer.encode(Prompted.of("a<|end_of_text|> b")).ids();
      assertThat(tokenizer.decodeText(ids)).isEqualTo("a b");
    }
  }

  /** Each place that can name the end of a document, the strongest first. */
  @Test
  void looksTheEndOfADocumentUpWhereHuggingFaceKeepsIt(@TempDir Path folder) throws IOException {
    Files.copy(TINY, folder.resolve("tokenizer.json"));
    assertThatThrownBy(() -> open(folder))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("set eos_token, or concat_token_id");

    Path model = Files.createDirectory(folder.resolve("model"));
    Files.writeString(model.resolve("config.json"), "{\"eos_token_id\": 7}");
    assertThat(endId(folder, model)).isEqualTo(7);
    Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": [9, 8]}");
    assertThat(endId(folder, model)).isEqualTo(9);
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"eos_token\": {\"content\": \"<|end_of_text|>\"}}");
    assertThat(endId(folder, model)).isEqualTo(EOS);
    try (Tokenizer named =
        Tokenizer.open(folder, Optional.of(model), Optional.of("a"), OptionalInt.empty())) {
      assertThat(named.decode(named.endId())).isEqualTo("a");
    }
    try (Tokenizer numbered =
        Tokenizer.open(folder, Optional.of(model), Optional.of("a"), OptionalInt.of(3))) {
      assertThat(numbered.endId()).isEqualTo(3);
    }
    assertThatThrownBy(
            () ->
                Tokenizer.open(
                    folder, Optional.empty(), Optional.of("no single token"), OptionalInt.empty()))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("is no single token");
  }

  private static Tokenizer open(Path path, TokenizerBackend backend) {
    return Tokenizer.open(path, Optional.empty(), Optional.empty(), OptionalInt.of(EOS), backend);
  }

  @Test
  void saysWhoEncodesAndWhy(@TempDir Path folder) throws IOException {
    try (Tokenizer chosen = open(TINY);
        Tokenizer asked = open(TINY, TokenizerBackend.REFERENCE)) {
      assertThat(chosen.backend()).isEqualTo("fast");
      assertThat(asked.backend()).isEqualTo("reference, as asked for");
    }
    Path json = folder.resolve("tokenizer.json");
    Files.writeString(
        json, Files.readString(TINY).replaceFirst("\"normalizer\": *null", LOWERCASE));
    try (Tokenizer left = open(json, TokenizerBackend.AUTO)) {
      assertThat(left.backend()).startsWith("reference: its normalizer is").contains("Lowercase");
      assertThat(left.encode(Prompted.of("ABC")).ids())
          .isEqualTo(left.encode(Prompted.of("abc")).ids());
    }
    assertThatThrownBy(() -> open(json, TokenizerBackend.FAST))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("its normalizer is")
        .hasMessageContaining("set tokenizer_backend: auto");
  }

  @Test
  void aDifferenceEndsTheRunWithTheText() {
    try (Tokenizer tokenizer = open(TINY)) {
      Encoded one = tokenizer.encode(Prompted.of("one"));
      Tokenizer.check("one", one, tokenizer.encode(Prompted.of("one")));
      assertThatThrownBy(
              () -> Tokenizer.check("one", one, tokenizer.encode(Prompted.of("another"))))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("tokenizer_backend: reference")
          .hasMessageEndingWith("one");
    }
  }

  /** Also behind the documents that the reference is asked about. */
  @Test
  void encodesNothingAfterClose() {
    Tokenizer tokenizer = open(TINY, TokenizerBackend.FAST);
    for (int i = 0; i <= 1001; i++) {
      tokenizer.encode(Prompted.of("a"));
    }
    tokenizer.close();
    assertThatThrownBy(() -> tokenizer.encode(Prompted.of("a")))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
  }
}
