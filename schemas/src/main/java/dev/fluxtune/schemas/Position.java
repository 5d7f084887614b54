package dev.fluxtune.schemas;

/**
 * A place in the stream between two chunks, from which packing can go on as if it had never
 * stopped.
 *
 * @param document documents of the stream that lie wholly behind; bad rows that were skipped do not
 *     count
 * @param offset what of the following is behind too: tokens of the next document ({@code wrapped}),
 *     or chunks of the next window ({@code bfd}, {@code bfd_split})
 * @param ledger the account of all that {@code document} documents (and {@code offset} tokens)
 *     hold; it balances
 */
public record Position(long document, int offset, Ledger ledger) {
  public static final Position START = new Position(0, 0, Ledger.EMPTY);
}
