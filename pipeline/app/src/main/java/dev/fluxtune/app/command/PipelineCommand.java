package dev.fluxtune.app.command;

import dev.fluxtune.app.config.ConfigException;
import dev.fluxtune.app.config.ConfigParser;
import dev.fluxtune.app.config.Parsed;
import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.app.terminal.Visible;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Nearest;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** The {@code pipeline} command: from arguments to an exit code. */
public final class PipelineCommand {
  private final Actions actions;
  private final Terminal terminal;
  private final Optional<Path> home;
  private final CommandLine line;

  /**
   * The command.
   *
   * @param home the folder that holds {@code datasets}, where it is known
   */
  public PipelineCommand(Actions actions, Terminal terminal, Optional<Path> home) {
    this.actions = actions;
    this.terminal = terminal;
    this.home = home;
    this.line = new CommandLine(Specs.root(Version.text()));
    line.setExpandAtFiles(false); // a prompt may begin with @
  }

  /** Runs it; whatever happens is told on the terminal. */
  public int run(String... arguments) {
    List<String> all = Arrays.asList(arguments);
    try {
      int code = dispatch(all);
      Optional<String> lost = terminal.outFailure();
      if (code == ExitCode.OK && lost.isPresent()) {
        throw new BadInputException(
            "the output could not be written (%s); free space, or send it elsewhere"
                .formatted(lost.get()));
      }
      return code;
    } catch (ParameterException | ConfigException e) {
      return fail(ExitCode.USAGE, String.valueOf(e.getMessage()), e, all);
    } catch (Throwable e) { // an Error too: the process ends, and the user should know why
      return fail(badInput(e).isPresent() ? ExitCode.BAD_INPUT : ExitCode.BUG, why(e), e, all);
    }
  }

  private int dispatch(List<String> arguments) {
    int at = 0;
    while (at < arguments.size() && arguments.get(at).startsWith("-")) {
      at++;
    }
    if (at == arguments.size()) {
      ParseResult result = line.parseArgs(arguments.toArray(String[]::new));
      return helped(result) ? ExitCode.OK : withoutSubcommand();
    }
    String name = arguments.get(at);
    CommandLine command = line.getSubcommands().get(name);
    if (command == null) {
      throw new ParameterException(
          line,
          "no subcommand "
              + name
              + Nearest.hint(name, line.getSubcommands().keySet())
              + "\npipeline --help lists them");
    }
    List<String> before = arguments.subList(0, at + 1);
    List<String> after = arguments.subList(at + 1, arguments.size());
    Optional<Subcommand> configured =
        Stream.of(Subcommand.values()).filter(it -> it.command().equals(name)).findFirst();
    if (configured.isPresent()) {
      return run(configured.get(), before, Flags.split(after, command.getCommandSpec()));
    }
    ParseResult result = line.parseArgs(arguments.toArray(String[]::new));
    if (helped(result)) {
      return ExitCode.OK;
    }
    return name.equals(Specs.COMPARE)
        ? compare(result.subcommand())
        : complete(result.subcommand());
  }

  private int run(Subcommand subcommand, List<String> before, Flags flags) {
    List<String> own = new ArrayList<>(before);
    own.addAll(flags.own());
    ParseResult result = line.parseArgs(own.toArray(String[]::new));
    if (helped(result)) {
      return ExitCode.OK;
    }
    ParseResult options = result.subcommand();
    CommandSpec spec = options.commandSpec();
    Optional<Path> file = Optional.ofNullable(options.matchedOptionValue("--config", (Path) null));
    if (file.filter(it -> it.toString().isEmpty()).isPresent()) {
      throw new ParameterException(
          line, "--config is empty (an unset variable?); give a YAML file");
    }
    Parsed parsed =
        ConfigParser.parse(
            file,
            flags.settings(),
            Specs.ownOptions(spec).stream().map(it -> it.longestName().substring(2)).toList(),
            subcommand.packs() ? home : Optional.empty(),
            subcommand.packs());
    parsed.notices().forEach(terminal::note);
    Resolved run = new Resolved(parsed.config(), terminal);
    switch (subcommand) {
      case RUN -> actions.run(run);
      case PACK -> actions.pack(run);
      case PLAN -> actions.plan(run, planning(options));
      case INSPECT ->
          actions.inspect(
              run,
              atLeast(options, "--chunk", 0),
              atLeast(options, "--count", 1),
              options.hasMatchedOption("--plain"));
      case GENERATE -> actions.generate(run, GenerationFlags.read(options));
      case MERGE -> actions.merge(run, adapter(options));
    }
    return ExitCode.OK;
  }

  private Path adapter(ParseResult options) {
    Path adapter = options.matchedOptionValue("--adapter", Path.of(""));
    if (adapter.toString().isEmpty()) {
      throw new ParameterException(
          line,
          "merge needs --adapter, the folder of adapter_config.json: the output_dir of a run");
    }
    return adapter;
  }

  private Planning planning(ParseResult options) {
    Double gib = options.matchedOptionValue("--device_memory_gib", (Double) null);
    if (gib != null && !(gib > 0)) {
      throw new ParameterException(
          line, "--device_memory_gib must be more than 0 (got %s)".formatted(gib));
    }
    return new Planning(
        options.hasMatchedOption("--json"),
        options.hasMatchedOption("--memory_table"),
        gib == null ? OptionalDouble.empty() : OptionalDouble.of(gib));
  }

  private long atLeast(ParseResult options, String name, long least) {
    long value = options.commandSpec().findOption(name).getValue();
    if (value < least) {
      throw new ParameterException(
          line, "%s must be at least %d (got %d)".formatted(name, least, value));
    }
    return value;
  }

  private int compare(ParseResult options) {
    List<Path> runs = options.matchedPositionalValue(0, List.of());
    if (runs.isEmpty()) {
      throw new ParameterException(line, "compare needs RUN, the output_dir of a run, or several");
    }
    Path report = options.commandSpec().findOption("--output").getValue();
    actions.compare(terminal, runs, report);
    return ExitCode.OK;
  }

  private int complete(ParseResult options) {
    String shell = options.matchedPositionalValue(0, "");
    if (!shell.equals("bash") && !shell.equals("zsh")) {
      throw new ParameterException(
          line,
          shell.isEmpty()
              ? "completion needs to know the shell: pipeline completion bash, or zsh"
              : "completion is there for bash and zsh (got " + shell + ")");
    }
    terminal.out().print(Completion.script());
    return ExitCode.OK;
  }

  private int withoutSubcommand() {
    line.usage(terminal.err(), ansi(terminal.colourErr()));
    return ExitCode.USAGE;
  }

  private boolean helped(ParseResult result) {
    for (CommandLine asked : result.asCommandLineList()) {
      if (asked.isUsageHelpRequested()) {
        asked.usage(terminal.out(), ansi(terminal.colourOut()));
        return true;
      }
      if (asked.isVersionHelpRequested()) {
        asked.printVersionHelp(terminal.out());
        return true;
      }
    }
    return false;
  }

  private static Ansi ansi(boolean colour) {
    return colour ? Ansi.ON : Ansi.OFF;
  }

  /** What a person is told of a failure. */
  public static String why(Throwable failure) {
    return badInput(failure)
        .map(BadInputException::getMessage)
        .orElseGet(() -> unexpected(failure));
  }

  /** What the user can mend may come wrapped, from another thread. */
  private static Optional<BadInputException> badInput(Throwable failure) {
    for (Throwable at = failure; at != null; at = at.getCause()) {
      if (at instanceof BadInputException it) {
        return Optional.of(it);
      }
    }
    return Optional.empty();
  }

  private static String unexpected(Throwable failure) {
    for (Throwable at = failure; at != null; at = at.getCause()) {
      if (at instanceof OutOfMemoryError) {
        return "out of memory (" + at.getMessage() + "); more: FLUXTUNE_JAVA_OPTS=-Xmx2g";
      }
      if (at instanceof UnsatisfiedLinkError
          || (at instanceof ExceptionInInitializerError && at.getMessage() != null)) { // zstd-jni's
        return "a native library cannot be used (%s); they are unpacked into %s: free space there, or name another folder that programs may run from: FLUXTUNE_JAVA_OPTS=-Djava.io.tmpdir=FOLDER%n--stacktrace shows where"
            .formatted(at.getMessage(), System.getProperty("java.io.tmpdir"));
      }
    }
    return "unexpected: %s%n--stacktrace shows where; please report it".formatted(failure);
  }

  private int fail(int code, String message, Throwable cause, List<String> arguments) {
    terminal.out().flush();
    terminal.err().println("pipeline: " + Visible.message(message));
    if (arguments.contains("--stacktrace")) {
      StringWriter trace = new StringWriter();
      cause.printStackTrace(new PrintWriter(trace));
      terminal.err().println(Visible.message(trace.toString()));
    }
    return code;
  }
}
