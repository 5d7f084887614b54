package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class BatchTest {
  private static final int X = Chunk.IGNORED;
  private static final Chunk LONG =
      new Chunk(new int[] {1, 2, 3, 4}, new int[] {X, 2, X, 4}, new int[] {2, 2});
  private static final Chunk SHORT = new Chunk(new int[] {5, 6}, new int[] {X, 6}, new int[] {2});
  private static final Chunk PADDED =
      new Chunk(new int[] {5, 6, 9}, new int[] {X, 6, X}, new int[] {2, 1}, 1);

  @Test
  void padsShorterChunksOnTheRight() {
    Batch batch = Batch.stack(List.of(LONG, SHORT), OptionalInt.of(9));
    assertThat(batch.inputIds()).containsExactly(1, 2, 3, 4, 5, 6, 9, 9);
    assertThat(batch.labels()).containsExactly(X, 2, X, 4, X, 6, X, X);
    assertThat(batch.seqLengths()).isDeepEqualTo(new int[][] {{2, 2}, {2, 2}});
    assertThat(batch.trainedTokens()).isEqualTo(3);
    assertThat(batch.padding()).containsExactly(0, 2);
    assertThat(batch.tokens()).isEqualTo(6);
  }

  @Test
  void givesAChunkBackAsItLies() {
    Batch batch = Batch.stack(List.of(LONG, PADDED), OptionalInt.of(9));
    assertThat(batch.chunk(0)).isEqualTo(LONG);
    assertThat(batch.chunk(1))
        .isEqualTo(new Chunk(new int[] {5, 6, 9, 9}, new int[] {X, 6, X, X}, new int[] {2, 2}, 2));
  }

  @Test
  void letsTheTailsPaddingGrowAndLeavesTheChunkAlone() {
    Batch batch = Batch.stack(List.of(LONG, PADDED), OptionalInt.of(9));
    assertThat(batch.seqLengths()).isDeepEqualTo(new int[][] {{2, 2}, {2, 2}});
    assertThat(PADDED.seqLengths()).containsExactly(2, 1);
  }

  @Test
  void needsAnIdToPadWithOnlyWhereLengthsDiffer() {
    assertThat(Batch.stack(List.of(LONG, LONG), OptionalInt.empty()).length()).isEqualTo(4);
    assertThatThrownBy(() -> Batch.stack(List.of(LONG, SHORT), OptionalInt.empty()))
        .isInstanceOf(BadInputException.class)
        .hasMessageContainingAll("chunks of 2 and 4 tokens", "concat_token_id");
  }

  @Test
  void aRowWhoseDocumentsAreNotItsTokensIsRefused() {
    for (int[] row : new int[][] {{2}, {2, 3}, {4, 0}, {5, -1}, {}}) {
      assertThatThrownBy(() -> new Batch(1, 4, LONG.inputIds(), LONG.labels(), new int[][] {row}))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContainingAll("sum to 4", Arrays.toString(row));
    }
    int[][] whole = {{2, 2}};
    assertThatThrownBy(() -> new Batch(1, 4, LONG.inputIds(), LONG.labels(), whole, new int[] {1}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("padding", "got 1, [2, 2]");
  }

  @Test
  void splitsIntoBatchesOfFewerChunks() {
    Batch batch = Batch.stack(List.of(LONG, LONG, SHORT), OptionalInt.of(9));
    List<Batch> parts = batch.split(2);
    assertThat(parts).hasSize(2);
    assertThat(parts.get(0).size()).isEqualTo(2);
    assertThat(parts.get(1).inputIds()).containsExactly(5, 6, 9, 9);
    assertThat(parts.get(1).labels()).containsExactly(X, 6, X, X);
    assertThat(parts.get(1).seqLengths()).isDeepEqualTo(new int[][] {{2, 2}});
    assertThat(parts.get(1).padding()).containsExactly(2);
    assertThat(batch.split(3)).containsExactly(batch);
    assertThatThrownBy(() -> batch.split(0)).isInstanceOf(IllegalArgumentException.class);
  }
}
