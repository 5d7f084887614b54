package dev.fluxtune.app.command;

import dev.fluxtune.app.config.Key;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** The keys of a subcommand as its help shows them: by group, with defaults, in 80 columns. */
final class HelpText {
  private static final int WIDTH = 80;
  private static final int INDENT = 34;

  private HelpText() {}

  static void install(CommandSpec spec, Subcommand subcommand) {
    spec.usageMessage()
        .sectionMap()
        .put(
            UsageMessageSpec.SECTION_KEY_OPTION_LIST,
            help -> render(help, subcommand, Specs.ownOptions(spec)));
  }

  private static String render(Help help, Subcommand subcommand, List<OptionSpec> own) {
    StringBuilder text = new StringBuilder();
    for (OptionSpec option : own) {
      String label = option.arity().min() > 0 ? " " + option.paramLabel() : "";
      String initial = option.defaultValue() == null ? "" : " [" + option.defaultValue() + "]";
      text.append(
          entry(String.join(", ", option.names()) + label, option.description()[0] + initial));
    }
    for (Key.Group group : Key.Group.values()) {
      List<Key> keys =
          Key.all().stream()
              .filter(key -> key.group() == group && subcommand.explains(key))
              .toList();
      if (!keys.isEmpty()) {
        text.append(heading(help, group.heading()));
        keys.forEach(key -> text.append(entry(flag(key), help(key))));
      }
    }
    String others =
        Key.all().stream()
            .filter(key -> !subcommand.explains(key))
            .map(Key::name)
            .collect(Collectors.joining(", "));
    if (!others.isEmpty()) {
      text.append(heading(help, "Accepted too, so that one file serves all subcommands"));
      wrap(others, WIDTH - 2).forEach(line -> text.append("  ").append(line).append('\n'));
    }
    text.append(heading(help, "How keys are written"));
    text.append(
        paragraph(
            "In the file key: value, on the command line --key value or --key=value; --key and"
                + " --no_key for true and false, --key a b for lists. Defaults stand in brackets."
                + " A file made for trl sft works: its keys without meaning here are named,"
                + " those that would change results are refused with what to do."));
    text.append(heading(help, "Example"));
    return text.append("  ").append(subcommand.example()).append('\n').toString();
  }

  private static String heading(Help help, String heading) {
    return "\n" + help.colorScheme().ansi().string("@|bold " + heading + "|@") + "\n";
  }

  private static String flag(Key key) {
    return key.isBoolean() ? "--[no_]" + key.name() : "--" + key.name() + " " + Specs.label(key);
  }

  private static String help(Key key) {
    String initial = key.setting().def();
    boolean told = !initial.isEmpty() && !initial.equals("[]") && !initial.equals("{}");
    return key.setting().help() + (told ? " [" + initial + "]" : "");
  }

  private static String paragraph(String text) {
    return wrap(text, WIDTH - 2).stream()
        .map(line -> "  " + line + "\n")
        .collect(Collectors.joining());
  }

  /** A name with its description beside it, or below where the name is too long. */
  private static String entry(String name, String description) {
    StringBuilder text = new StringBuilder("  ").append(name);
    String margin = " ".repeat(INDENT);
    if (text.length() > INDENT - 1) {
      text.append('\n').append(margin);
    } else {
      text.append(margin, 0, INDENT - text.length());
    }
    return text.append(String.join("\n" + margin, wrap(description, WIDTH - INDENT)))
        .append('\n')
        .toString();
  }

  static List<String> wrap(String text, int width) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    // A tag such as {% generation %} stays in one piece.
    for (String word : text.split("(?<!\\{%) (?!%\\})", -1)) {
      if (!line.isEmpty() && line.length() + 1 + word.length() > width) {
        lines.add(line.toString());
        line.setLength(0);
      }
      line.append(line.isEmpty() ? "" : " ").append(word);
    }
    lines.add(line.toString());
    return lines;
  }
}
