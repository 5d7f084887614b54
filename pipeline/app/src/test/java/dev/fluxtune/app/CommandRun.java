package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.app.command.PipelineCommand;
import dev.fluxtune.app.terminal.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** What a call of the command did: its exit code, and what it printed. */
record CommandRun(int code, String out, String err) {

  static CommandRun of(Path cache, Object... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Terminal terminal =
        Terminal.plain(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    int code =
        new PipelineCommand(new Pipeline(new Cache(cache)), terminal, Optional.of(Configs.HOME))
            .run(Arrays.stream(arguments).map(Object::toString).toArray(String[]::new));
    return new CommandRun(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** The command in a process of its own, to be started. */
  static ProcessBuilder process(List<String> jvm, Object... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--add-opens=java.base/java.nio=ALL-UNNAMED");
    command.add("-Dai.djl.offline=true");
    command.addAll(jvm);
    command.add("-cp");
    command.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    command.add("dev.fluxtune.app.Main");
    Arrays.stream(arguments).map(Object::toString).forEach(command::add);
    return new ProcessBuilder(command);
  }

  /** It must have been refused as bad input: no result, and a message that holds all of this. */
  void refused(String... parts) {
    assertThat(code).as(err).isEqualTo(1);
    assertThat(out).isEmpty();
    assertThat(err).contains("pipeline: ").contains(parts).doesNotContain("\tat ");
  }
}
