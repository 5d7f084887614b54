package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ChunkTest {
  private static Chunk chunk(int secondLabel, int thirdLabel, int padding) {
    return new Chunk(
        new int[] {1, 2, 3}, new int[] {-100, secondLabel, thirdLabel}, new int[] {2, 1}, padding);
  }

  @Test
  void theFirstTokenOfNoDocumentIsATarget() {
    assertThat(chunk(2, -100, 0).trainedTokens()).isEqualTo(1);
    assertThatThrownBy(() -> chunk(2, 3, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("first label of each document must be -100 (got 3 at position 2)");
  }

  @Test
  void hasALabelForEachOfItsTokens() {
    for (int ids : new int[] {0, 2}) {
      assertThatThrownBy(() -> new Chunk(new int[ids], new int[1], new int[] {1}))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("(got %d ids, 1 labels)", ids);
    }
  }

  @Test
  void isEqualByContent() {
    assertThat(chunk(2, -100, 1)).isEqualTo(chunk(2, -100, 1)).hasSameHashCodeAs(chunk(2, -100, 1));
    assertThat(chunk(2, -100, 1))
        .isNotEqualTo(chunk(-100, -100, 1))
        .isNotEqualTo(chunk(2, -100, 0));
  }
}
