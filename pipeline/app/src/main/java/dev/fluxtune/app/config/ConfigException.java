package dev.fluxtune.app.config;

import java.io.Serial;

/** A configuration that cannot be used; the message lists all that is wrong with it. */
public final class ConfigException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  public ConfigException(String message) {
    super(message);
  }
}
