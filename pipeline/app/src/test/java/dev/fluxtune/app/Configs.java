package dev.fluxtune.app;

import dev.fluxtune.app.config.ConfigParser;
import dev.fluxtune.app.config.Flag;
import dev.fluxtune.schemas.RunConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Configurations for tests, written as on the command line. */
final class Configs {
  static final Path HOME = Path.of(System.getProperty("fluxtune.home"));

  private Configs() {}

  /** Names and values in turn. */
  static RunConfig of(Object... namesAndValues) {
    List<Flag> flags = new ArrayList<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      flags.add(new Flag(namesAndValues[i].toString(), List.of(namesAndValues[i + 1].toString())));
    }
    return ConfigParser.parse(Optional.empty(), flags, List.of(), Optional.of(HOME)).config();
  }
}
