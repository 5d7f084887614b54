package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearestTest {
  private static final List<String> KNOWN = List.of("lora_alpha", "lora_r", "max_length", "seed");

  @Test
  void findsSwappedMissingAndWrongLetters() {
    assertThat(Nearest.to("lora_alhpa", KNOWN)).contains("lora_alpha");
    assertThat(Nearest.to("max_lenght", KNOWN)).contains("max_length");
    assertThat(Nearest.to("max-length", KNOWN)).contains("max_length");
    assertThat(Nearest.to("sed", KNOWN)).contains("seed");
  }

  @Test
  void findsNothingForAWordThatIsFarFromAll() {
    assertThat(Nearest.to("frobnicate", KNOWN)).isEmpty();
    assertThat(Nearest.hint("frobnicate", KNOWN)).isEmpty();
  }

  @Test
  void countsASwapAsOneStep() {
    assertThat(Nearest.distance("ab", "ba")).isEqualTo(1);
    assertThat(Nearest.distance("kitten", "sitting")).isEqualTo(3);
    assertThat(Nearest.distance("", "abc")).isEqualTo(3);
  }
}
