package dev.fluxtune.trainer.adapter;

import dev.fluxtune.schemas.BadInputException;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Which modules have an adapter: PEFT's {@code target_modules}. */
public sealed interface Targets permits Targets.Names, Targets.Regex {
  /** The products of a layer, by the last part of their names: what can have an adapter. */
  List<String> PRODUCTS =
      List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

  /** PEFT's default for the models of the Llama family. */
  Names DEFAULT = new Names(List.of("q_proj", "v_proj"));

  Names ALL_LINEAR = new Names(PRODUCTS);

  /** Modules of these names, or whose names end with one of them behind a dot. */
  record Names(List<String> names) implements Targets {
    public Names {
      names = List.copyOf(names);
    }

    @Override
    public boolean match(String module) {
      return names.stream().anyMatch(name -> module.equals(name) || module.endsWith("." + name));
    }
  }

  /** Modules whose whole name the expression matches. */
  record Regex(Pattern pattern) implements Targets {
    @Override
    public boolean match(String module) {
      return pattern.matcher(module).matches();
    }
  }

  boolean match(String module);

  /**
   * As a command line gives them: names; or one word, {@code all-linear} or a regular expression,
   * or a name where it is that of a product; none: the default.
   */
  static Targets of(List<String> given) {
    if (given.isEmpty()) {
      return DEFAULT;
    }
    return given.size() == 1 && !PRODUCTS.contains(given.get(0))
        ? of(given.get(0))
        : new Names(given);
  }

  /** {@code all-linear} or a regular expression. */
  static Targets of(String given) {
    if (given.toLowerCase(Locale.ROOT).equals("all-linear")) {
      return ALL_LINEAR;
    }
    try {
      return new Regex(Pattern.compile(given));
    } catch (PatternSyntaxException e) {
      throw new BadInputException(
          "lora_target_modules: %s is no regular expression (%s); names, one regular expression, or all-linear are taken"
              .formatted(given, e.getDescription()),
          e);
    }
  }
}
