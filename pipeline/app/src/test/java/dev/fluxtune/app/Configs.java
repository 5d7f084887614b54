package dev.fluxtune.app;

import dev.fluxtune.app.config.ConfigParser;
import dev.fluxtune.app.config.Flag;
import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.schemas.RunConfig;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Configurations for tests, written as on the command line. */
final class Configs {
  static final Path HOME = Path.of(System.getProperty("fluxtune.home"));

  /** Where nobody looks. */
  static final Terminal SILENT =
      Terminal.plain(
          new PrintStream(OutputStream.nullOutputStream(), true, StandardCharsets.UTF_8),
          new PrintStream(OutputStream.nullOutputStream(), true, StandardCharsets.UTF_8));

  private Configs() {}

  /** Names and values in turn. */
  static RunConfig of(Object... namesAndValues) {
    Map<String, Object> settings = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      settings.put(namesAndValues[i].toString(), namesAndValues[i + 1]);
    }
    return of(settings);
  }

  static RunConfig of(Map<String, Object> settings) {
    List<Flag> flags =
        settings.entrySet().stream()
            .map(it -> new Flag(it.getKey(), List.of(it.getValue().toString())))
            .toList();
    return ConfigParser.parse(Optional.empty(), flags, List.of(), Optional.of(HOME)).config();
  }
}
