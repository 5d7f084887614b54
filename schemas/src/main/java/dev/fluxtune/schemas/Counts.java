package dev.fluxtune.schemas;

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
   * @param maxLength tokens that a chunk has room for
   */
  public double fill(int maxLength) {
    return chunks == 0 ? 0 : ledger.packed() / ((double) chunks * maxLength);
  }
}
