package dev.fluxtune.schemas;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * Chunks of one length, stacked: what one forward pass takes. Arrays are shared, not copied: do not
 * mutate.
 *
 * @param size chunks in the batch
 * @param length tokens in each, padding included
 * @param inputIds token ids, row-major, shape (size, length)
 * @param labels targets or {@link Chunk#IGNORED}, row-major, shape (size, length)
 * @param seqLengths the documents of each chunk, {@code seqLengths[row]} sums to {@code length}
 * @param padding how many tokens at the end of each chunk are padding, shape (size); they are the
 *     last entry of its {@code seqLengths}
 */
public record Batch(
    int size, int length, int[] inputIds, int[] labels, int[][] seqLengths, int[] padding) {
  public Batch {
    if (size < 1
        || length < 1
        || inputIds.length != size * length
        || labels.length != size * length
        || seqLengths.length != size
        || padding.length != size) {
      throw new IllegalArgumentException(
          "a batch of shape (%d, %d) cannot hold %d ids, %d labels and %d rows of seqLengths, %d of padding"
              .formatted(
                  size, length, inputIds.length, labels.length, seqLengths.length, padding.length));
    }
    for (int row = 0; row < size; row++) {
      Chunk.checkDocuments(seqLengths[row], length, padding[row]);
    }
  }

  /** A batch without padding. */
  public Batch(int size, int length, int[] inputIds, int[] labels, int[][] seqLengths) {
    this(size, length, inputIds, labels, seqLengths, new int[size]);
  }

  /**
   * Stacks chunks; shorter ones are padded on the right to the longest.
   *
   * @param chunks at least one
   * @param padId the id to pad with; needed only where lengths differ
   * @throws IllegalArgumentException without a chunk
   * @throws BadInputException if lengths differ and there is no id
   */
  public static Batch stack(List<Chunk> chunks, OptionalInt padId) {
    int size = chunks.size();
    int longest = chunks.stream().mapToInt(Chunk::length).max().orElse(0);
    int[] ids = new int[size * longest];
    int[] labels = new int[size * longest];
    int[][] seqLengths = new int[size][];
    int[] padding = new int[size];
    for (int row = 0; row < size; row++) {
      Chunk chunk = chunks.get(row);
      int n = chunk.length();
      int at = row * longest;
      System.arraycopy(chunk.inputIds(), 0, ids, at, n);
      System.arraycopy(chunk.labels(), 0, labels, at, n);
      seqLengths[row] = chunk.seqLengths();
      padding[row] = chunk.padding() + longest - n;
      if (n < longest) {
        int pad =
            padId.orElseThrow(
                () ->
                    new BadInputException(
                        "a batch of chunks of %d and %d tokens needs an id to pad with, and neither a tokenizer nor the model's config.json says which: set concat_token_id, or per_device_train_batch_size: 1"
                            .formatted(n, longest)));
        Arrays.fill(ids, at + n, at + longest, pad);
        Arrays.fill(labels, at + n, at + longest, Chunk.IGNORED);
        int documents = seqLengths[row].length;
        // A chunk that ends in padding has it grow; else padding is one more entry.
        seqLengths[row] =
            Arrays.copyOf(seqLengths[row], chunk.padding() > 0 ? documents : documents + 1);
        seqLengths[row][seqLengths[row].length - 1] += longest - n;
      }
    }
    return new Batch(size, longest, ids, labels, seqLengths, padding);
  }

  /** The same chunks in batches of {@code rows} at most, in their order. */
  public List<Batch> split(int rows) {
    if (rows < 1) {
      throw new IllegalArgumentException("rows must be at least 1 (got " + rows + ")");
    }
    if (rows >= size) {
      return List.of(this);
    }
    List<Batch> parts = new ArrayList<>();
    for (int from = 0; from < size; from += rows) {
      int to = Math.min(size, from + rows);
      parts.add(
          new Batch(
              to - from,
              length,
              Arrays.copyOfRange(inputIds, from * length, to * length),
              Arrays.copyOfRange(labels, from * length, to * length),
              Arrays.copyOfRange(seqLengths, from, to),
              Arrays.copyOfRange(padding, from, to)));
    }
    return parts;
  }

  /** A chunk as it lies here, padded to the length of the batch. */
  public Chunk chunk(int row) {
    int from = row * length;
    return new Chunk(
        Arrays.copyOfRange(inputIds, from, from + length),
        Arrays.copyOfRange(labels, from, from + length),
        seqLengths[row],
        padding[row]);
  }

  /** Tokens in the batch, padding not counted. */
  public int tokens() {
    return size * length - Arrays.stream(padding).sum();
  }

  /** Training targets in the batch. */
  public int trainedTokens() {
    int n = 0;
    for (int label : labels) {
      if (label != Chunk.IGNORED) {
        n++;
      }
    }
    return n;
  }
}
