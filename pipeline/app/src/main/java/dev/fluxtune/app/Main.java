package dev.fluxtune.app;

import dev.fluxtune.app.command.PipelineCommand;
import dev.fluxtune.app.terminal.Terminal;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** The process that {@code pipeline/bin/pipeline} starts. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    Optional<Path> home = Optional.ofNullable(System.getProperty("fluxtune.home")).map(Path::of);
    Locale.setDefault(Locale.ROOT); // numbers are written alike everywhere, in file names too
    System.exit(
        new PipelineCommand(new Pipeline(Cache.ofUser()), Terminal.ofProcess(), home)
            .run(arguments));
  }
}
