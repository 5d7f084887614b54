package dev.fluxtune.pipeline.source;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.fluxtune.schemas.BadInputException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Owns the Arrow memory of up to 512 rows; whoever takes it closes it, once or more often. */
public final class RecordBatch implements AutoCloseable {
  /** Rows in a batch at most. */
  public static final int MAX_ROWS = 512;

  private final Map<String, Column> columns;
  private final List<String> paths;
  private final long[] numbers;

  /**
   * @param columns by name, in order
   * @param paths of each row's file
   * @param numbers of each row in its file
   */
  RecordBatch(Map<String, Column> columns, List<String> paths, long[] numbers) {
    this.columns = columns;
    this.paths = paths;
    this.numbers = numbers;
  }

  /** Rows, at least 1. */
  public int size() {
    return numbers.length;
  }

  /** The columns, by their names after {@code column_mapping}, in the file's order. */
  public Set<String> columns() {
    return columns.keySet();
  }

  /**
   * A text; empty where it is null or there is no such column.
   *
   * @throws BadInputException if it is something else than text, or not UTF-8
   */
  public Optional<String> text(int row, String column) {
    Column cells = columns.get(column);
    if (cells == null) {
      return Optional.empty();
    }
    return switch (cells.kind(row)) {
      case NOTHING -> Optional.empty();
      case TEXT -> Optional.of(decode(cells.text(row), row, column));
      case INTS -> throw wrong(row, column, "a list of whole numbers", "text");
      case OTHER -> throw noText(row, column, new String(cells.other(row), UTF_8));
    };
  }

  private BadInputException noText(int row, String column, String found) {
    return found.endsWith("list of struct") || found.endsWith("a list that holds an object")
        ? new BadInputException(
            "%s: column %s is %s, where text is needed; chat messages cannot be read yet: turn them into text, written as the model's chat template writes them"
                .formatted(place(row), column, found))
        : wrong(row, column, found, "text");
  }

  private String decode(byte[] bytes, int row, String column) {
    String text = new String(bytes, UTF_8);
    // Bad bytes become U+FFFD; where there is none, they need not be looked for.
    if (text.indexOf('\uFFFD') >= 0) {
      int bad = Utf8.firstBad(bytes, 0, bytes.length);
      if (bad >= 0) {
        throw wrong(
            row, column, "not UTF-8 (0x%02X at byte %d)".formatted(bytes[bad], bad), "UTF-8");
      }
    }
    return text;
  }

  /**
   * A list of whole numbers or booleans (1 and 0); empty where it is null or there is no such
   * column.
   *
   * @throws BadInputException if it is something else, or a number is out of range
   */
  public Optional<int[]> ints(int row, String column) {
    Column cells = columns.get(column);
    if (cells == null) {
      return Optional.empty();
    }
    return switch (cells.kind(row)) {
      case NOTHING -> Optional.empty();
      case INTS -> Optional.of(cells.ints(row));
      case TEXT -> throw wrong(row, column, "text", "a list of whole numbers");
      case OTHER ->
          throw wrong(row, column, new String(cells.other(row), UTF_8), "a list of whole numbers");
    };
  }

  private BadInputException wrong(int row, String column, String found, String right) {
    return new BadInputException(
        "%s: column %s is %s, where %s is needed; correct it, or name another column by column_mapping"
            .formatted(place(row), column, found, right));
  }

  /** Arrow memory that is held. */
  public long bytes() {
    return columns.values().stream().mapToLong(Column::bytes).sum();
  }

  Column column(String name) {
    Column column = columns.get(name);
    if (column == null) {
      throw new IllegalArgumentException("no column " + name + " among " + columns.keySet());
    }
    return column;
  }

  String path(int row) {
    return paths.get(row);
  }

  long number(int row) {
    return numbers[row];
  }

  /** Where the row came from: path:row, counted from 1; in JSON lines the number of the line. */
  public String place(int row) {
    return paths.get(row) + ":" + numbers[row];
  }

  @Override
  public void close() {
    columns.values().forEach(Column::close);
  }
}
