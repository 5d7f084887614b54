package dev.fluxtune.schemas;

import java.util.Arrays;

/**
 * One packed sequence: the documents in it, end to end. Arrays are shared, not copied: do not
 * mutate. Two chunks with the same content are equal.
 *
 * @param inputIds token ids, shape (length)
 * @param labels the token id where it is a training target, else {@link #IGNORED}, shape (length);
 *     the first of each document is always ignored
 * @param seqLengths the length of each document in the chunk, in order; sums to length
 * @param padding how many tokens at the end are padding; they are the last entry of {@code
 *     seqLengths}
 */
public record Chunk(int[] inputIds, int[] labels, int[] seqLengths, int padding) {

  /** The label of a position that is no training target, as PyTorch's cross-entropy takes it. */
  public static final int IGNORED = -100;

  public Chunk {
    if (inputIds.length == 0 || labels.length != inputIds.length) {
      throw new IllegalArgumentException(
          "a chunk needs as many labels as ids, and at least one (got %d ids, %d labels)"
              .formatted(inputIds.length, labels.length));
    }
    checkDocuments(seqLengths, inputIds.length, padding);
    int first = 0;
    for (int n : seqLengths) {
      if (labels[first] != IGNORED) {
        throw new IllegalArgumentException(
            "the first label of each document must be "
                + IGNORED
                + " (got "
                + labels[first]
                + " at position "
                + first
                + ")");
      }
      first += n;
    }
  }

  /** Checks that documents, the padding behind them included, are end to end so many tokens. */
  static void checkDocuments(int[] seqLengths, int tokens, int padding) {
    if (Arrays.stream(seqLengths).anyMatch(n -> n < 1)
        || Arrays.stream(seqLengths).asLongStream().sum() != tokens) {
      throw new IllegalArgumentException(
          "seqLengths must be positive and sum to %d tokens (got %s)"
              .formatted(tokens, Arrays.toString(seqLengths)));
    }
    if (padding != 0 && padding != seqLengths[seqLengths.length - 1]) {
      throw new IllegalArgumentException(
          "padding must be the last entry of seqLengths (got %d, %s)"
              .formatted(padding, Arrays.toString(seqLengths)));
    }
  }

  /** A chunk without padding. */
  public Chunk(int[] inputIds, int[] labels, int[] seqLengths) {
    this(inputIds, labels, seqLengths, 0);
  }

  /** Tokens in the chunk, padding included. */
  public int length() {
    return inputIds.length;
  }

  /** Training targets in the chunk. */
  public int trainedTokens() {
    int n = 0;
    for (int label : labels) {
      if (label != IGNORED) {
        n++;
      }
    }
    return n;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Chunk that
        && Arrays.equals(inputIds, that.inputIds)
        && Arrays.equals(labels, that.labels)
        && Arrays.equals(seqLengths, that.seqLengths)
        && padding == that.padding;
  }

  @Override
  public int hashCode() {
    return 31 * (31 * Arrays.hashCode(inputIds) + Arrays.hashCode(labels))
        + Arrays.hashCode(seqLengths);
  }

  @Override
  public String toString() {
    return "Chunk[inputIds=%s, labels=%s, seqLengths=%s, padding=%d]"
        .formatted(
            Arrays.toString(inputIds),
            Arrays.toString(labels),
            Arrays.toString(seqLengths),
            padding);
  }
}
