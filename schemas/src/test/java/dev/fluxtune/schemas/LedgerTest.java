package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class LedgerTest {
  /** Three tokens, of which one is trained, and two of padding. */
  private static final Chunk PADDED =
      new Chunk(
          new int[] {1, 2, 3, 0, 0}, new int[] {-100, 2, -100, -100, -100}, new int[] {3, 2}, 2);

  private static final Ledger READ = Ledger.EMPTY.read(1, 3).packed(PADDED);

  @Test
  void paddingIsNoTokenWhetherItsChunkIsKeptOrDropped() {
    assertThat(READ.balanced()).isEqualTo(new Ledger(1, 3, 1, 2, 0, 0, 0, 0, 0));
    assertThat(READ.shortBatch(PADDED).balanced()).isEqualTo(new Ledger(1, 3, 0, 0, 0, 0, 0, 0, 3));
  }

  @Test
  void saysWhereNothingIsTrained() {
    assertThat(READ.trainable()).isEqualTo(READ);
    // A tail of trained tokens alone: too few rows, which has its own message.
    Ledger tail = Ledger.EMPTY.read(3).tail(3);
    assertThat(tail.trainable()).isEqualTo(tail);
    for (Ledger nothing :
        new Ledger[] {
          Ledger.EMPTY, Ledger.EMPTY.read(3).untrained(3), new Ledger(1, 3, 0, 3, 0, 0, 0, 0, 0)
        }) {
      assertThatThrownBy(nothing::trainable)
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("every label is -100");
    }
    assertThatThrownBy(new Ledger(1, 3, 0, 2, 1, 0, 0, 0, 0)::trainable)
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("cuts off 1 of 3 tokens");
  }

  @Test
  void aTokenThatIsLostOrCountedTwiceIsTold() {
    for (int tokens : new int[] {2, 4}) {
      Ledger wrong = Ledger.EMPTY.read(tokens).packed(PADDED);
      assertThatThrownBy(() -> new Counts(1, wrong))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("%d tokens read, 3 accounted for", tokens);
      assertThatThrownBy(() -> wrong.stacked(READ)).isInstanceOf(IllegalStateException.class);
    }
  }
}
