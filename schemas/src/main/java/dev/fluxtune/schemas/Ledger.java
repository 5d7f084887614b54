package dev.fluxtune.schemas;

/**
 * Where every token that was read has gone: each is counted once. Padding is never counted.
 *
 * @param documents documents read
 * @param tokens tokens read, end-of-document tokens included
 * @param trained tokens that stand in a chunk and are targets
 * @param masked tokens that stand in a chunk and are none
 * @param truncated tokens cut off at {@code max_length}
 * @param untrainedDocuments documents dropped because they hold no target
 * @param untrained their tokens
 * @param tail tokens of the last, unfull chunk, where it is dropped
 * @param shortBatch tokens of the last, short batch of an epoch, where it is dropped
 */
public record Ledger(
    long documents,
    long tokens,
    long trained,
    long masked,
    long truncated,
    long untrainedDocuments,
    long untrained,
    long tail,
    long shortBatch) {

  public static final Ledger EMPTY = new Ledger(0, 0, 0, 0, 0, 0, 0, 0, 0);

  /** A document was read. */
  public Ledger read(int length) {
    return new Ledger(
        documents + 1,
        tokens + length,
        trained,
        masked,
        truncated,
        untrainedDocuments,
        untrained,
        tail,
        shortBatch);
  }

  /**
   * Moves the account inside a document: {@code length} more (or, negative, fewer) tokens of one
   * that is counted already.
   */
  public Ledger more(int length) {
    return new Ledger(
        documents,
        tokens + length,
        trained,
        masked,
        truncated,
        untrainedDocuments,
        untrained,
        tail,
        shortBatch);
  }

  /** A document that was read holds no target and is dropped. */
  public Ledger untrained(int length) {
    return new Ledger(
        documents,
        tokens,
        trained,
        masked,
        truncated,
        untrainedDocuments + 1,
        untrained + length,
        tail,
        shortBatch);
  }

  /** Tokens were cut off at {@code max_length}. */
  public Ledger truncated(int length) {
    return new Ledger(
        documents,
        tokens,
        trained,
        masked,
        truncated + length,
        untrainedDocuments,
        untrained,
        tail,
        shortBatch);
  }

  /** A chunk was packed. */
  public Ledger packed(Chunk chunk) {
    int targets = chunk.trainedTokens();
    return new Ledger(
        documents,
        tokens,
        trained + targets,
        masked + chunk.length() - chunk.padding() - targets,
        truncated,
        untrainedDocuments,
        untrained,
        tail,
        shortBatch);
  }

  /** The last, unfull chunk was dropped. */
  public Ledger tail(int length) {
    return new Ledger(
        documents,
        tokens,
        trained,
        masked,
        truncated,
        untrainedDocuments,
        untrained,
        tail + length,
        shortBatch);
  }

  /** A packed chunk fell into a short last batch and was dropped. */
  public Ledger shortBatch(Chunk chunk) {
    int targets = chunk.trainedTokens();
    int length = chunk.length() - chunk.padding();
    return new Ledger(
        documents,
        tokens,
        trained - targets,
        masked - (length - targets),
        truncated,
        untrainedDocuments,
        untrained,
        tail,
        shortBatch + length);
  }

  /** Tokens that stand in chunks. */
  public long packed() {
    return trained + masked;
  }

  /**
   * This ledger, if its sums match.
   *
   * @throws IllegalStateException if a token was lost or counted twice
   */
  public Ledger balanced() {
    long counted = trained + masked + truncated + untrained + tail + shortBatch;
    if (counted != tokens) {
      throw new IllegalStateException(
          "the token ledger does not balance: %d tokens read, %d accounted for (%s); this is a bug, please report it"
              .formatted(tokens, counted, this));
    }
    return this;
  }
}
