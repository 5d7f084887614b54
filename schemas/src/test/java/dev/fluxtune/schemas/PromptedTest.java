package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
}
