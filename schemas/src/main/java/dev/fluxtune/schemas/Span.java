package dev.fluxtune.schemas;

/**
 * A range of a text, in UTF-16 code units as {@link String#substring} counts them.
 *
 * @param start first unit, inclusive
 * @param end last unit, exclusive; at least {@code start}
 */
public record Span(int start, int end) {
  public Span {
    if (start < 0 || end < start) {
      throw new IllegalArgumentException("span [" + start + ", " + end + ") is not a range");
    }
  }
}
