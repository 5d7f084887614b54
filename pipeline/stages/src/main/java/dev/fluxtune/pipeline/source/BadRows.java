package dev.fluxtune.pipeline.source;

import dev.fluxtune.schemas.BadInputException;
import java.util.ArrayList;
import java.util.List;

/**
 * What happens to rows that cannot be used ({@code on_bad_row}): the first one ends the run, or
 * each is skipped and counted. May be told from several threads.
 */
public final class BadRows {
  private static final int KEPT = 10;

  private final boolean skip;
  private final List<String> first = new ArrayList<>();
  private long count;

  private BadRows(boolean skip) {
    this.skip = skip;
  }

  /** The first bad row ends the run. */
  public static BadRows fail() {
    return new BadRows(false);
  }

  /** Bad rows are left out and counted. */
  public static BadRows skip() {
    return new BadRows(true);
  }

  /**
   * Takes note of a bad row, which the caller then leaves out.
   *
   * @param place the row, as {@link RecordBatch#place} names it
   * @param problem what was found and what would be right; may begin with the place already
   * @throws BadInputException if bad rows end the run
   */
  public void report(String place, String problem) {
    String message = problem.startsWith(place + ": ") ? problem : place + ": " + problem;
    if (!skip) {
      throw new BadInputException(message + " (on_bad_row: skip leaves such rows out)");
    }
    synchronized (this) {
      count++;
      if (first.size() < KEPT) {
        first.add(message);
      }
    }
  }

  /** Rows skipped so far. */
  public synchronized long count() {
    return count;
  }

  /**
   * Checks, when all rows are behind, that not each of them was skipped.
   *
   * @param used what was made of the others
   */
  public void checkLeft(long used) {
    if (used == 0 && count() > 0) {
      throw new BadInputException(noneLeft());
    }
  }

  /** What to say of rows of which none is left. */
  synchronized String noneLeft() {
    return (count == 0
            ? "no row"
            : "no row that can be used; %d were skipped, such as %s".formatted(count, first.get(0)))
        + "; give files that hold rows";
  }

  /** The first ten that were skipped, each as {@code path:row: problem}. */
  public synchronized List<String> first() {
    return List.copyOf(first);
  }
}
