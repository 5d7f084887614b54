package dev.fluxtune.app.command;

import dev.fluxtune.app.config.Flag;
import dev.fluxtune.app.config.Key;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Takes the arguments of a subcommand apart: those of the command itself, for picocli, and the
 * settings, known or not, for the configuration parser, which tells all that is wrong with them at
 * once. Written as for {@code trl sft}: {@code --key value}, {@code --key=value}, {@code --key a b}
 * for lists, {@code --key} and {@code --no_key} for booleans; {@code -} may stand for {@code _}.
 *
 * @param own the arguments of the command itself, in their order
 */
record Flags(List<String> own, List<Flag> settings) {

  static Flags split(List<String> arguments, CommandSpec spec) {
    List<String> own = new ArrayList<>();
    List<Flag> settings = new ArrayList<>();
    Deque<String> rest = new ArrayDeque<>(arguments);
    while (!rest.isEmpty()) {
      String argument = rest.remove();
      String written = argument.split("=", 2)[0];
      Optional<OptionSpec> ownOption = ownOption(spec, written);
      if (ownOption.isPresent()) {
        own.add(own(ownOption.get(), argument.substring(written.length()), rest));
      } else if (argument.startsWith("--")) {
        settings.add(setting(argument, rest));
      } else {
        settings.add(new Flag("", List.of(argument)));
      }
    }
    return new Flags(own, settings);
  }

  private static Optional<OptionSpec> ownOption(CommandSpec spec, String written) {
    return Specs.ownOption(spec, written)
        .or(
            () ->
                written.startsWith("--")
                    ? Specs.ownOption(spec, "--" + written.substring(2).replace('-', '_'))
                    : Optional.empty());
  }

  /** In one word, so that a value may begin with dashes; a bare boolean is true. */
  private static String own(OptionSpec option, String value, Deque<String> rest) {
    boolean bool = option.type() == Boolean.class;
    String name = option.longestName();
    if (!value.isEmpty() || option.arity().min() == 0) {
      return name + value;
    }
    if (rest.isEmpty() || (bool && isFlag(rest.element()))) {
      return bool ? name + "=true" : name;
    }
    return name + "=" + rest.remove();
  }

  private static Flag setting(String argument, Deque<String> rest) {
    String[] parts = argument.substring(2).split("=", 2);
    String name = parts[0].replace('-', '_');
    List<String> values = new ArrayList<>();
    if (parts.length > 1) {
      values.add(parts[1]);
    }
    int most =
        Key.named(name)
            .map(key -> key.isCollection() ? Integer.MAX_VALUE : 1)
            .orElse(name.startsWith("no_") ? 0 : Integer.MAX_VALUE);
    while (values.size() < most && !rest.isEmpty() && !isFlag(rest.element())) {
      values.add(rest.remove());
    }
    return new Flag(name, values);
  }

  /** A single dash may begin a value: {@code --max_steps -1}. */
  private static boolean isFlag(String argument) {
    return argument.startsWith("--") || argument.equals("-h");
  }
}
