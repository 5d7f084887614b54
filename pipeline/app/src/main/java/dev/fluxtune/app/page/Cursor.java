package dev.fluxtune.app.page;

import java.util.Arrays;
import java.util.Optional;

/**
 * How much of a history a browser has: what is sent with each news as its id, and comes back by
 * {@code Last-Event-ID}.
 *
 * @param run drawn anew for each history, so that one is never taken for another
 * @param generation how often what was there already has changed
 */
record Cursor(long run, long generation, int points, int evaluations, int sampled, int chunks) {

  /** Of a browser that has nothing. */
  static Cursor none(long run, long generation) {
    return new Cursor(run, generation, 0, 0, 0, 0);
  }

  String id() {
    return "%d-%d-%d-%d-%d-%d".formatted(run, generation, points, evaluations, sampled, chunks);
  }

  /** Reads an id that a browser sent; empty where it is none. */
  static Optional<Cursor> parse(String id) {
    if (!id.matches("\\d{1,18}-\\d{1,9}(-\\d{1,9}){4}")) {
      return Optional.empty();
    }
    long[] parts = Arrays.stream(id.split("-")).mapToLong(Long::parseLong).toArray();
    return Optional.of(
        new Cursor(
            parts[0], parts[1], (int) parts[2], (int) parts[3], (int) parts[4], (int) parts[5]));
  }
}
