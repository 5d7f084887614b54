package dev.fluxtune.schemas;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * One document as text, and the parts of it that are trained.
 *
 * @param text the whole document: prompt and answer
 * @param trained the trained ranges of {@code text}, ascending and disjoint; empty: nothing is
 */
public record Prompted(String text, List<Span> trained) {
  public Prompted {
    trained = List.copyOf(trained);
    int last = 0;
    for (Span span : trained) {
      if (span.start() < last || span.end() > text.length()) {
        throw new IllegalArgumentException(
            "trained spans must be ascending, disjoint and inside the text of "
                + text.length()
                + " characters (got "
                + trained
                + ")");
      }
      last = span.end();
    }
  }

  /**
   * A document of which only the completion is trained.
   *
   * @throws NullPointerException where one is null: as text it would be trained as the word
   */
  public static Prompted of(String prompt, String completion) {
    String text =
        requireNonNull(prompt, "prompt is null") + requireNonNull(completion, "completion is null");
    return new Prompted(text, List.of(new Span(prompt.length(), text.length())));
  }

  /** A document that is trained whole. */
  public static Prompted of(String text) {
    return new Prompted(text, List.of(new Span(0, text.length())));
  }
}
