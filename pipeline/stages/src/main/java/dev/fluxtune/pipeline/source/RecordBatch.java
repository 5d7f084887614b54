package dev.fluxtune.pipeline.source;

import dev.fluxtune.schemas.BadInputException;
import java.util.Optional;
import java.util.Set;

/** Owns the Arrow memory of up to 512 rows; whoever takes it closes it, once or more often. */
public final class RecordBatch implements AutoCloseable {
  /** Rows in a batch at most. */
  public static final int MAX_ROWS = 512;

  RecordBatch() {}

  /** Rows, at least 1. */
  public int size() {
    throw new UnsupportedOperationException();
  }

  /** The columns, by their names after {@code column_mapping}, in the file's order. */
  public Set<String> columns() {
    throw new UnsupportedOperationException();
  }

  /**
   * A text; empty where it is null or there is no such column.
   *
   * @throws BadInputException if it is something else than text, or not UTF-8
   */
  public Optional<String> text(int row, String column) {
    throw new UnsupportedOperationException();
  }

  /**
   * A list of whole numbers or booleans (1 and 0); empty where it is null or there is no such
   * column.
   *
   * @throws BadInputException if it is something else, or a number is out of range
   */
  public Optional<int[]> ints(int row, String column) {
    throw new UnsupportedOperationException();
  }

  /** Where the row came from: path:row, counted from 1; in JSON lines the number of the line. */
  public String place(int row) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}
