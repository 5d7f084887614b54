package dev.fluxtune.app.command;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** Which pipeline this is. */
public final class Version {
  private Version() {}

  /** {@code pipeline 1.0 (Java 17.0.1)}. */
  public static String text() {
    try (InputStream in = Version.class.getResourceAsStream("version.txt")) {
      if (in == null) {
        throw new IllegalStateException("version.txt is missing from the class path");
      }
      String version = new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
      return "pipeline %s (Java %s)".formatted(version, Runtime.version());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
