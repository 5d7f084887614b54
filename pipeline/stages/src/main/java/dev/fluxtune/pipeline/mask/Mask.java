package dev.fluxtune.pipeline.mask;

import dev.fluxtune.schemas.Encoded;
import dev.fluxtune.schemas.Tokenized;
import java.util.List;
import java.util.function.Function;

/** Marks the tokens that are trained: those that hold a character of a trained span. */
public final class Mask {
  private Mask() {}

  /** The stage: record batch by record batch. */
  public static Function<List<Encoded>, List<Tokenized>> exact() {
    return documents -> documents.stream().map(Mask::mark).toList();
  }

  /**
   * A token is trained iff it holds at least one character of a trained span. The end-of-document
   * token, always last, is trained too: the model has to learn to stop.
   */
  public static Tokenized mark(Encoded document) {
    int[] starts = document.starts();
    int[] ends = document.ends();
    int[] spans = document.trainedSpans();
    boolean[] trained = new boolean[document.ids().length];
    int span = 0;
    for (int i = 0; i < trained.length; i++) {
      if (starts[i] == ends[i]) {
        continue; // holds no character
      }
      // Tokens come in the order of the text, so a span that ends before this one is behind for
      // good. An empty one holds no character of any.
      while (span < spans.length
          && (spans[span + 1] <= starts[i] || spans[span] == spans[span + 1])) {
        span += 2;
      }
      trained[i] = span < spans.length && spans[span] < ends[i];
    }
    if (trained.length > 0) {
      trained[trained.length - 1] = true;
    }
    return new Tokenized(document.ids(), trained);
  }
}
