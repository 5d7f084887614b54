package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class PromptedTest {
  @Test
  @SuppressWarnings("NullAway") // as callers without its check
  void nullIsNoWordToTrain() {
    assertThatThrownBy(() -> Prompted.of("Who? ", null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("completion is null");
    assertThatThrownBy(() -> Prompted.of(null, "me"))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("prompt is null");
  }

  @Test
  void spansAreInTheirOrderAndInsideTheText() {
    Span first = new Span(0, 2);
    assertThat(new Prompted("abcd", List.of(first, new Span(2, 4))).trained()).hasSize(2);
    for (Span wrong : List.of(new Span(1, 4), new Span(2, 5))) {
      assertThatThrownBy(() -> new Prompted("abcd", List.of(first, wrong)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("ascending, disjoint and inside the text of 4 characters");
    }
  }
}
