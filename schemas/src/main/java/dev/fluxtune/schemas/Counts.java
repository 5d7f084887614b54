package dev.fluxtune.schemas;

import java.util.OptionalInt;

/**
 * What one epoch holds, counted.
 *
 * @param chunks chunks
 * @param ledger where every token has gone; it balances
 */
public record Counts(long chunks, Ledger ledger) {
  public Counts {
    ledger.balanced();
  }

  /**
   * The share of the chunks' room that tokens fill, 0 to 1.
   *
   * @param room tokens that a chunk has room for; without a limit each is as long as its tokens
   */
  public double fill(OptionalInt room) {
    if (room.isEmpty()) {
      return 1;
    }
    return chunks == 0 ? 0 : ledger.packed() / ((double) chunks * room.getAsInt());
  }
}
