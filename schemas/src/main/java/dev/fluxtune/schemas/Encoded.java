package dev.fluxtune.schemas;

/**
 * One document as token ids, with the place of each token in its text. Arrays are shared, not
 * copied: do not mutate.
 *
 * @param ids token ids, with the special tokens that {@code tokenizer.json} adds, ending with the
 *     end-of-document token
 * @param starts first character of each token, in code points of the text
 * @param ends one past the last character of each token, in code points; equal to {@code starts}
 *     for a token that holds no character (a special token the template or the stage added)
 * @param trainedSpans the trained ranges in code points, flattened: {@code start0, end0, start1, …}
 */
public record Encoded(int[] ids, int[] starts, int[] ends, int[] trainedSpans) {
  public Encoded {
    if (starts.length != ids.length || ends.length != ids.length) {
      throw new IllegalArgumentException(
          "ids, starts and ends must be of one length (got %d, %d, %d)"
              .formatted(ids.length, starts.length, ends.length));
    }
  }
}
