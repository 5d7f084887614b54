package dev.fluxtune.pipeline.tokenize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.pipeline.mask.Mask;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Encoded;
import dev.fluxtune.schemas.Prompted;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class TokenizerTest {
  private static final int EOS = 501;
  private static final Path TINY =
      Path.of(System.getProperty("fluxtune.home"), "datasets/tiny-tasks/tokenizer/tokenizer.json");

  @Test
  void givesTheIdsAndPlacesOfThePythonOriginal() throws IOException {
    JsonNode golden =
        new ObjectMapper().readTree(getClass().getResourceAsStream("/parity/ids.json"));
    assertThat(golden.get("cases")).hasSize(10);
    try (Tokenizer tokenizer = Tokenizer.open(TINY, EOS)) {
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
    try (Tokenizer tokenizer = Tokenizer.open(TINY, EOS)) {
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
    assertThatThrownBy(() -> Tokenizer.open(Path.of("missing.json"), EOS))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("missing.json");
    Tokenizer closed = Tokenizer.open(TINY, EOS);
    closed.close();
    assertThatThrownBy(() -> closed.encode(Prompted.of("x")))
        .isInstanceOf(IllegalStateException.class);
  }
}
