package dev.fluxtune.trainer.model;

import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import java.util.Arrays;

/**
 * A batch as the model takes it: the tokens of all rows end to end, cut into the stretches that
 * attention stays inside, and the trained positions.
 *
 * @param lengths the stretches, in order; sums to the number of tokens
 * @param positions each token's position in its stretch
 * @param at the positions that predict a trained token
 * @param targets the tokens they predict
 */
record MicroBatch(int[] ids, int[] lengths, int[] positions, long[] at, long[] targets) {

  /**
   * @param documents whether attention stays inside each document; else inside each row
   */
  static MicroBatch of(Batch batch, boolean documents) {
    int[] lengths;
    if (documents) {
      lengths = Arrays.stream(batch.seqLengths()).flatMapToInt(Arrays::stream).toArray();
    } else {
      lengths = new int[batch.size()];
      Arrays.fill(lengths, batch.length());
    }
    int[] positions = new int[batch.inputIds().length];
    int token = 0;
    for (int length : lengths) {
      for (int i = 0; i < length; i++) {
        positions[token++] = i;
      }
    }
    int[] labels = batch.labels();
    int trained = 0;
    long[] at = new long[labels.length];
    for (int i = 0; i < labels.length; i++) {
      // The first token of a row is nobody's target, whatever its label.
      if (labels[i] != Chunk.IGNORED && i % batch.length() != 0) {
        at[trained++] = i - 1L;
      }
    }
    at = Arrays.copyOf(at, trained);
    long[] targets = Arrays.stream(at).map(i -> labels[(int) i + 1]).toArray();
    return new MicroBatch(batch.inputIds(), lengths, positions, at, targets);
  }

  /** Where each stretch begins, and the end: (stretches + 1). */
  int[] bounds() {
    int[] bounds = new int[lengths.length + 1];
    for (int i = 0; i < lengths.length; i++) {
      bounds[i + 1] = bounds[i] + lengths[i];
    }
    return bounds;
  }

  /** The longest stretch, then each. */
  int[] longestAndLengths() {
    int[] all = new int[lengths.length + 1];
    all[0] = Arrays.stream(lengths).max().orElse(0);
    System.arraycopy(lengths, 0, all, 1, lengths.length);
    return all;
  }
}
