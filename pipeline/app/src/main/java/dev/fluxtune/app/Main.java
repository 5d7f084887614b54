package dev.fluxtune.app;

import dev.fluxtune.app.command.ExitCode;
import dev.fluxtune.app.command.PipelineCommand;
import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.pipeline.shard.Shards;
import dev.fluxtune.pipeline.tokenize.Tokenize;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import reactor.core.scheduler.Schedulers;

/** The process that {@code pipeline/bin/pipeline} starts. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    Optional<Path> home = Optional.ofNullable(System.getProperty("fluxtune.home")).map(Path::of);
    Locale.setDefault(Locale.ROOT); // numbers are written alike everywhere, in file names too
    PipelineCommand command =
        new PipelineCommand(new Pipeline(Cache.ofUser()), Terminal.ofProcess(), home);
    endWithWorkers(command, arguments);
    System.exit(command.run(arguments));
  }

  /**
   * Reactor signals no OutOfMemoryError or LinkageError of a thread that reads, tokenizes and
   * packs: whoever waits for what it gives on would wait forever.
   */
  private static void endWithWorkers(PipelineCommand command, String... arguments) {
    Schedulers.onHandleError(
        (thread, failure) -> {
          String name = thread.getName();
          boolean ofRows = name.startsWith(Tokenize.THREAD) || name.equals(Shards.THREAD);
          if (ofRows && failure instanceof Error) {
            try {
              command.failed(failure, arguments);
            } finally { // where there is no memory to tell it, too
              Runtime.getRuntime().halt(ExitCode.BUG);
            }
          }
        });
  }
}
