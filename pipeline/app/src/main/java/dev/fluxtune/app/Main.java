package dev.fluxtune.app;

import dev.fluxtune.app.command.Actions;
import dev.fluxtune.app.command.PipelineCommand;
import dev.fluxtune.app.command.Resolved;
import dev.fluxtune.app.terminal.Terminal;
import java.nio.file.Path;
import java.util.Optional;

/** The process that {@code pipeline/bin/pipeline} starts. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    Optional<Path> home = Optional.ofNullable(System.getProperty("fluxtune.home")).map(Path::of);
    System.exit(new PipelineCommand(new Unwired(), Terminal.ofProcess(), home).run(arguments));
  }

  /** Stands here until the recipe takes its place. */
  private static final class Unwired implements Actions {
    @Override
    public void pack(Resolved run) {
      throw new UnsupportedOperationException("pack is not wired to the stages yet");
    }

    @Override
    public void plan(Resolved run, boolean json) {
      throw new UnsupportedOperationException("plan is not wired to the stages yet");
    }

    @Override
    public void inspect(Resolved run, long first, long count, boolean plain) {
      throw new UnsupportedOperationException("inspect is not wired to the stages yet");
    }
  }
}
