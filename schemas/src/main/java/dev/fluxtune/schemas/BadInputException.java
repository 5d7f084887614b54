package dev.fluxtune.schemas;

import java.io.Serial;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Something the user gave cannot be used: rows, a tokenizer, a folder, a setting. The message names
 * it (path:row, field), says what was found, what would be right and what to do; it is all that is
 * shown.
 */
public final class BadInputException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  private static final int SHOWN = 10;

  public BadInputException(String message) {
    super(message);
  }

  public BadInputException(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * Several things are wrong with it: the first ten are told, a line each.
   *
   * @param problems at least one
   */
  public static BadInputException of(String message, List<String> problems) {
    int more = problems.size() - SHOWN;
    return new BadInputException(
        Stream.concat(
                Stream.concat(Stream.of(message), problems.stream().limit(SHOWN)),
                more > 0 ? Stream.of("and " + more + " more") : Stream.empty())
            .collect(Collectors.joining("\n  ")));
  }

  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }
}
