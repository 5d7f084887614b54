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
    return read(1, length);
  }

  /** Documents were read that hold {@code length} tokens together. */
  public Ledger read(int documents, int length) {
    return plus(documents, length, 0, 0, 0, 0, 0, 0, 0);
  }

  /**
   * Moves the account inside a document: {@code length} more (or, negative, fewer) tokens of one
   * that is counted already.
   */
  public Ledger more(int length) {
    return plus(0, length, 0, 0, 0, 0, 0, 0, 0);
  }

  /** A document that was read holds no target and is dropped. */
  public Ledger untrained(int length) {
    return plus(0, 0, 0, 0, 0, 1, length, 0, 0);
  }

  /** Tokens were cut off at {@code max_length}. */
  public Ledger truncated(int length) {
    return plus(0, 0, 0, 0, length, 0, 0, 0, 0);
  }

  /** A chunk was packed. */
  public Ledger packed(Chunk chunk) {
    int targets = chunk.trainedTokens();
    return plus(0, 0, targets, chunk.length() - chunk.padding() - targets, 0, 0, 0, 0, 0);
  }

  /** The last, unfull chunk was dropped. */
  public Ledger tail(int length) {
    return plus(0, 0, 0, 0, 0, 0, 0, length, 0);
  }

  /** A packed chunk fell into a short last batch and was dropped. */
  public Ledger shortBatch(Chunk chunk) {
    int targets = chunk.trainedTokens();
    int length = chunk.length() - chunk.padding();
    return plus(0, 0, -targets, -(length - targets), 0, 0, 0, 0, length);
  }

  /**
   * This ledger, of a whole data set, if anything can be learned from it.
   *
   * @throws BadInputException if no token is a target
   */
  public Ledger trainable() {
    if (trained == 0 && (masked > 0 || untrained == tokens)) {
      throw new BadInputException(
          truncated == 0
              ? "no token of the data is trained: the completions are empty, or every label is -100"
              : "no token of the data is trained: all that would be lie beyond max_length, which cuts off %,d of %,d tokens; lengthen it, or pack with packing_strategy: bfd_split or wrapped, which cut nothing off"
                  .formatted(truncated, tokens));
    }
    return this;
  }

  /**
   * This account, of an epoch's packed chunks, after they were stacked into batches.
   *
   * @param batches what the batches held: trained, masked, and what a short one dropped
   * @throws IllegalStateException if a token was lost or counted twice
   */
  public Ledger stacked(Ledger batches) {
    return new Ledger(
            documents,
            tokens,
            batches.trained,
            batches.masked,
            truncated,
            untrainedDocuments,
            untrained,
            tail,
            batches.shortBatch)
        .balanced();
  }

  private Ledger plus(
      long documents,
      long tokens,
      long trained,
      long masked,
      long truncated,
      long untrainedDocuments,
      long untrained,
      long tail,
      long shortBatch) {
    return new Ledger(
        this.documents + documents,
        this.tokens + tokens,
        this.trained + trained,
        this.masked + masked,
        this.truncated + truncated,
        this.untrainedDocuments + untrainedDocuments,
        this.untrained + untrained,
        this.tail + tail,
        this.shortBatch + shortBatch);
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
