package dev.fluxtune.schemas;

/**
 * One document as token ids, with a flag for each that is trained. Arrays are shared, not copied:
 * do not mutate.
 *
 * @param ids token ids, shape (tokens)
 * @param trained whether the token is a training target, shape (tokens)
 */
public record Tokenized(int[] ids, boolean[] trained) {
  public Tokenized {
    if (trained.length != ids.length) {
      throw new IllegalArgumentException(
          "ids and trained must be of one length (got %d, %d)"
              .formatted(ids.length, trained.length));
    }
  }

  /**
   * Whether any token of the document can be a training target. The first token of a document never
   * is: nothing stands before it to predict it from.
   */
  public boolean hasTarget() {
    for (int i = 1; i < trained.length; i++) {
      if (trained[i]) {
        return true;
      }
    }
    return false;
  }
}
