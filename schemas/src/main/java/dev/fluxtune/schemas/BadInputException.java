package dev.fluxtune.schemas;

import java.io.Serial;
import java.util.Objects;

/**
 * Something the user gave cannot be used: rows, a tokenizer, a folder, a setting. The message names
 * it (path:row, field), says what was found, what would be right and what to do; it is all that is
 * shown.
 */
public final class BadInputException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  public BadInputException(String message) {
    super(message);
  }

  public BadInputException(String message, Throwable cause) {
    super(message, cause);
  }

  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }
}
