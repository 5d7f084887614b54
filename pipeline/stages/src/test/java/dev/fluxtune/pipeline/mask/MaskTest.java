package dev.fluxtune.pipeline.mask;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Encoded;
import org.junit.jupiter.api.Test;

class MaskTest {
  private static boolean[] mark(int[] starts, int[] ends, int... spans) {
    return Mask.mark(new Encoded(new int[starts.length], starts, ends, spans)).trained();
  }

  @Test
  void trainsATokenThatHoldsOneCharacterOfTheSpan() {
    // tokens [0,2) [2,5) [5,6) and the end; the span begins inside the second
    assertThat(mark(new int[] {0, 2, 5, 6}, new int[] {2, 5, 6, 6}, 4, 6))
        .containsExactly(false, true, true, true);
  }

  @Test
  void leavesATokenThatOnlyTouchesTheSpan() {
    assertThat(mark(new int[] {0, 2, 4, 5}, new int[] {2, 4, 5, 5}, 2, 4))
        .containsExactly(false, true, false, true);
  }

  @Test
  void takesSeveralSpansAndSkipsTokensWithoutCharacters() {
    assertThat(mark(new int[] {0, 0, 1, 2, 3, 4}, new int[] {0, 1, 2, 3, 4, 4}, 0, 1, 2, 3))
        .containsExactly(false, true, false, true, false, true);
  }

  @Test
  void trainsOnlyTheEndWhereTheSpanIsEmpty() {
    assertThat(mark(new int[] {0, 3}, new int[] {3, 3}, 3, 3)).containsExactly(false, true);
  }

  @Test
  void anEmptySpanHidesNoneBehindIt() {
    // one token [0,4): an empty span inside it, and one that holds its last character
    assertThat(mark(new int[] {0, 4}, new int[] {4, 4}, 2, 2, 3, 4)).containsExactly(true, true);
  }
}
