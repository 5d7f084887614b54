package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Batch;
import org.junit.jupiter.api.Test;

class MicroBatchTest {
  /** Two rows, the first of two documents; no row's first token is a target, labelled or not. */
  private static final Batch BATCH =
      new Batch(
          2,
          3,
          new int[] {5, 6, 7, 8, 9, 4},
          new int[] {5, 6, -100, 8, -100, 4},
          new int[][] {{2, 1}, {3}});

  @Test
  void eachDocumentIsAStretch() {
    MicroBatch micro = MicroBatch.of(BATCH, true);
    assertThat(micro.positions()).containsExactly(0, 1, 0, 0, 1, 2);
    assertThat(micro.bounds()).containsExactly(0, 2, 3, 6);
    assertThat(micro.longestAndLengths()).containsExactly(3, 2, 1, 3);
  }

  @Test
  void orEachRow() {
    MicroBatch micro = MicroBatch.of(BATCH, false);
    assertThat(micro.positions()).containsExactly(0, 1, 2, 0, 1, 2);
    assertThat(micro.bounds()).containsExactly(0, 3, 6);
  }

  @Test
  void aTargetIsPredictedFromTheTokenBefore() {
    MicroBatch micro = MicroBatch.of(BATCH, true);
    assertThat(micro.at()).containsExactly(0, 4);
    assertThat(micro.targets()).containsExactly(6, 4);
  }
}
