package dev.fluxtune.app.command;

import dev.fluxtune.app.config.Checks;
import dev.fluxtune.app.config.Key;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** The commands as picocli knows them: for parsing, help and completion. */
final class Specs {
  private static final Set<String> PATHS =
      Set.of(
          "model_name_or_path",
          "tokenizer_name_or_path",
          "dataset_name",
          "eval_dataset_name",
          "template",
          "output_dir",
          "resume_from_checkpoint");

  private Specs() {}

  static CommandSpec root(String version) {
    CommandSpec root = CommandSpec.create().name("pipeline").version(version);
    root.usageMessage()
        .customSynopsis("pipeline SUBCOMMAND [--config FILE] [--KEY VALUE]...")
        .description(
            "%nSupervised fine-tuning, from rows on disk to a model's folder: reads, formats,"
                + " tokenizes, masks and packs rows, trains on them, and writes checkpoints.%n")
        .footer("", "pipeline SUBCOMMAND --help explains the keys of one.");
    root.addOption(help());
    root.addOption(
        OptionSpec.builder("--version").versionHelp(true).description("Print the version").build());
    root.addOption(stacktrace());
    for (Subcommand subcommand : Subcommand.values()) {
      root.addSubcommand(subcommand.command(), of(subcommand));
    }
    root.addSubcommand("completion", completion());
    common(root);
    return root;
  }

  private static CommandSpec of(Subcommand subcommand) {
    CommandSpec spec = CommandSpec.create().name(subcommand.command());
    spec.usageMessage()
        .header(subcommand.summary(), "")
        .customSynopsis(
            "pipeline %s [--config FILE] [--KEY VALUE]...".formatted(subcommand.command()))
        // A format to picocli: a % of the text's own, as in {% generation %}, is doubled.
        .description("%n" + subcommand.description().replace("%", "%%") + "%n");
    spec.addOption(
        OptionSpec.builder("--config")
            .type(Path.class)
            .arity("1")
            .paramLabel("FILE")
            .description("YAML file of keys; a flag stands over its key")
            .build());
    own(subcommand).forEach(spec::addOption);
    spec.addOption(stacktrace());
    spec.addOption(help());
    Key.all().forEach(key -> spec.addOption(setting(key)));
    HelpText.install(spec, subcommand);
    common(spec);
    return spec;
  }

  private static List<OptionSpec> own(Subcommand subcommand) {
    return switch (subcommand) {
      case RUN, PACK -> List.of();
      case PLAN ->
          List.of(
              bare("--json", "Print the plan as JSON"),
              bare(
                  "--memory_table",
                  "Compare the largest micro-batches of full training, the last layers, LoRA and"
                      + " QLoRA, with and without checkpointing"),
              OptionSpec.builder("--device_memory_gib")
                  .type(Double.class)
                  .paramLabel("N")
                  .description("Predict memory for a device of N GiB; unset: the GPU that is found")
                  .build());
      case INSPECT ->
          List.of(
              number("--chunk", "0", "The first chunk to show, from 0"),
              number("--count", "1", "How many chunks to show"),
              bare("--plain", "No colours and styles, as where the output is no terminal"));
      case GENERATE -> GenerationFlags.options();
      case MERGE ->
          List.of(
              OptionSpec.builder("--adapter")
                  .type(Path.class)
                  .arity("1")
                  .paramLabel("PATH")
                  .description("Folder of adapters: a run's output_dir, a checkpoint, or PEFT's")
                  .build());
    };
  }

  private static CommandSpec completion() {
    CommandSpec spec = CommandSpec.create().name("completion");
    spec.usageMessage()
        .header("Print a completion script for bash or zsh", "")
        .customSynopsis("pipeline completion bash|zsh")
        .description(
            "%nPrints a script that completes subcommands, flags, values and files.%n",
            "  bash: source <(pipeline completion bash)",
            "  zsh:  source <(pipeline completion zsh)%n",
            "In ~/.bashrc or ~/.zshrc the line works for every shell to come.%n");
    spec.addPositional(
        PositionalParamSpec.builder()
            .type(String.class)
            .paramLabel("SHELL")
            .description("bash or zsh")
            .completionCandidates(List.of("bash", "zsh"))
            .build());
    spec.addOption(stacktrace());
    spec.addOption(help());
    return spec;
  }

  private static void common(CommandSpec spec) {
    spec.usageMessage()
        .synopsisHeading("Usage: ")
        .optionListHeading("Options:%n")
        .commandListHeading("%nSubcommands:%n")
        .exitCodeListHeading("%nExit codes:%n")
        .exitCodeList(ExitCode.HELP);
  }

  private static OptionSpec setting(Key key) {
    OptionSpec.Builder option =
        OptionSpec.builder("--" + key.name())
            .type(PATHS.contains(key.name()) ? Path.class : String.class)
            .arity(key.isCollection() ? "1..*" : "1")
            .paramLabel(key.name()); // the completion script names a variable after it
    if (key.isBoolean()) {
      option.completionCandidates(List.of("true", "false"));
    } else if (key.name().equals("report_to")) {
      option.completionCandidates(Checks.LOGGERS);
    } else if (!key.choices().isEmpty()) {
      option.completionCandidates(key.choices());
    }
    return option.build();
  }

  /** What stands for the value in a help. */
  static String label(Key key) {
    if (PATHS.contains(key.name())) {
      return "PATH";
    }
    if (key.name().equals("datasets")) {
      return "[{path: P}]";
    }
    if (key.isCollection()) {
      return key.isMap() ? "{A: B}" : "A B ...";
    }
    if (!key.choices().isEmpty()) {
      return "NAME";
    }
    return key.type() == String.class ? "TEXT" : "N";
  }

  private static OptionSpec help() {
    return OptionSpec.builder("-h", "--help")
        .usageHelp(true)
        .description("Print this help")
        .build();
  }

  private static OptionSpec stacktrace() {
    return bare("--stacktrace", "Print where a failure came from");
  }

  private static OptionSpec bare(String name, String description) {
    return OptionSpec.builder(name).type(boolean.class).description(description).build();
  }

  private static OptionSpec number(String name, String value, String description) {
    return OptionSpec.builder(name)
        .type(long.class)
        .arity("1")
        .paramLabel("N")
        .defaultValue(value)
        .description(description)
        .build();
  }

  /** The option of the command itself that goes by this name; settings are none. */
  static Optional<OptionSpec> ownOption(CommandSpec spec, String name) {
    return Optional.ofNullable(spec.findOption(name))
        .filter(option -> Key.named(option.longestName().substring(2)).isEmpty());
  }

  static List<OptionSpec> ownOptions(CommandSpec spec) {
    return new ArrayList<>(spec.options())
        .stream().filter(it -> ownOption(spec, it.longestName()).isPresent()).toList();
  }
}
