package dev.fluxtune.schemas;

import java.util.OptionalInt;

/** How documents become chunks. Lengths are in tokens. */
public sealed interface Packing {

  /** What becomes of the last chunk of an epoch where it is not full. */
  enum Tail {
    DROP,
    KEEP,
    PAD
  }

  /**
   * Documents end to end, cut every {@code maxLength} tokens.
   *
   * @param padId the id that {@link Tail#PAD} fills up with
   */
  record Wrapped(int maxLength, Tail tail, int padId) implements Packing {
    public Wrapped {
      positive("max_length", maxLength);
    }
  }

  /**
   * Best-fit decreasing in windows of {@code window} documents, longer ones cut off at {@code
   * maxLength}.
   */
  record Bfd(int maxLength, int window) implements Packing {
    public Bfd {
      positive("max_length", maxLength);
      positive("packing_window", window);
    }
  }

  /** As {@link Bfd}, longer documents cut into fragments of {@code maxLength}. */
  record BfdSplit(int maxLength, int window) implements Packing {
    public BfdSplit {
      positive("max_length", maxLength);
      positive("packing_window", window);
    }
  }

  /** One document a chunk, cut off at {@code maxLength} where there is one. */
  record None(OptionalInt maxLength) implements Packing {
    public None {
      maxLength.ifPresent(n -> positive("max_length", n));
    }
  }

  private static void positive(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + " must be at least 1 (got " + value + ")");
    }
  }
}
