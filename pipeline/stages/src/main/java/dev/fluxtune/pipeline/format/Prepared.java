package dev.fluxtune.pipeline.format;

import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.pipeline.source.RecordBatch;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Tokenized;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Reads rows that are ids already: documents ({@code input_ids}) or chunks ({@code input_ids} and
 * {@code seq_lengths}). What is trained say {@code labels} (-100 is not), else {@code
 * completion_mask} and {@code assistant_masks}, both where there are both, else all is. Nothing is
 * added to them.
 */
public final class Prepared {
  private static final List<String> MASKS = List.of("completion_mask", "assistant_masks");

  private Prepared() {}

  /** The stage for documents; closes each record batch. */
  public static Function<RecordBatch, List<Tokenized>> documents(BadRows bad) {
    return batch -> Format.each(batch, Prepared::document, bad);
  }

  /** The stage for chunks; closes each record batch. */
  public static Function<RecordBatch, List<Chunk>> chunks(BadRows bad) {
    return batch -> Format.each(batch, Prepared::chunk, bad);
  }

  private static Tokenized document(RecordBatch rows, int row) {
    int[] ids = ids(rows, row);
    return new Tokenized(ids, trained(rows, row, ids));
  }

  private static Chunk chunk(RecordBatch rows, int row) {
    int[] ids = ids(rows, row);
    boolean[] trained = trained(rows, row, ids);
    int[] labels = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      labels[i] = trained[i] ? ids[i] : Chunk.IGNORED;
    }
    int[] seqLengths =
        rows.ints(row, "seq_lengths")
            .orElseThrow(() -> bad(rows, row, "seq_lengths", "is missing or null"));
    long sum = Arrays.stream(seqLengths).asLongStream().sum();
    if (sum != ids.length || Arrays.stream(seqLengths).anyMatch(n -> n < 1)) {
      throw bad(
          rows,
          row,
          "seq_lengths",
          "must be positive and sum to the %d input_ids (got %s, sum %d)"
              .formatted(ids.length, Arrays.toString(seqLengths), sum));
    }
    // Others may train a document's first token; no document of ours does.
    int start = 0;
    for (int n : seqLengths) {
      labels[start] = Chunk.IGNORED;
      start += n;
    }
    return new Chunk(ids, labels, seqLengths);
  }

  private static int[] ids(RecordBatch rows, int row) {
    int[] ids =
        rows.ints(row, "input_ids")
            .orElseThrow(() -> bad(rows, row, "input_ids", "is missing or null"));
    if (ids.length == 0) {
      throw bad(rows, row, "input_ids", "is empty");
    }
    for (int id : ids) {
      if (id < 0) {
        throw bad(rows, row, "input_ids", "holds " + id + "; token ids are never negative");
      }
    }
    return ids;
  }

  private static boolean[] trained(RecordBatch rows, int row, int[] ids) {
    boolean[] trained = new boolean[ids.length];
    Optional<int[]> labels = rows.ints(row, "labels");
    if (labels.isPresent()) {
      int[] label = sameLength(rows, row, "labels", labels.get(), ids);
      for (int i = 0; i < ids.length; i++) {
        trained[i] = label[i] != Chunk.IGNORED;
        if (trained[i] && label[i] != ids[i]) {
          throw bad(
              rows,
              row,
              "labels",
              "must hold the token's own id or -100 (got %d at %d, where the id is %d)"
                  .formatted(label[i], i, ids[i]));
        }
      }
      return trained;
    }
    Arrays.fill(trained, true);
    for (String column : MASKS) {
      Optional<int[]> mask = rows.ints(row, column);
      if (mask.isPresent()) {
        int[] flags = sameLength(rows, row, column, mask.get(), ids);
        for (int i = 0; i < ids.length; i++) {
          trained[i] &= flags[i] == 1;
          if (flags[i] != 0 && flags[i] != 1) {
            throw bad(rows, row, column, "must hold 0 or 1 (got %d at %d)".formatted(flags[i], i));
          }
        }
      }
    }
    return trained;
  }

  private static int[] sameLength(
      RecordBatch rows, int row, String column, int[] values, int[] ids) {
    if (values.length != ids.length) {
      throw bad(
          rows,
          row,
          column,
          "must be as long as input_ids, %d (got %d)".formatted(ids.length, values.length));
    }
    return values;
  }

  private static BadInputException bad(RecordBatch rows, int row, String column, String problem) {
    return new BadInputException(rows.place(row) + ": column " + column + " " + problem);
  }
}
