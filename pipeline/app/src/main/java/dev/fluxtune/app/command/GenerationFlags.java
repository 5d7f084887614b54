package dev.fluxtune.app.command;

import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** The flags of {@code generate} that no training knows. */
final class GenerationFlags {
  private static final String FOLDERS = "; unset: the model's generation_config.json";

  private GenerationFlags() {}

  static List<OptionSpec> options() {
    return List.of(
        OptionSpec.builder("--prompt")
            .type(List.class)
            .auxiliaryTypes(String.class)
            .arity("1")
            .paramLabel("TEXT")
            .description("Go on from this text, tokenized as it is; may be given several times")
            .build(),
        value("--max_new_tokens", Integer.class, "N", "How many tokens follow at most")
            .defaultValue("256")
            .build(),
        value("--do_sample", Boolean.class, "BOOL", "Draw tokens" + FOLDERS + ", else false")
            .build(),
        OptionSpec.builder("--no_do_sample")
            .type(boolean.class)
            .description("Take the likeliest token each time")
            .build(),
        value("--temperature", Double.class, "X", "Divides logits" + FOLDERS + ", else 1").build(),
        value("--top_k", Integer.class, "N", "Only the N likeliest; 0: all" + FOLDERS + ", else 50")
            .build(),
        value("--top_p", Double.class, "P", "Only the likeliest of mass P" + FOLDERS + ", else 1")
            .build(),
        value(
                "--repetition_penalty",
                Double.class,
                "X",
                "Above 1: fewer repetitions" + FOLDERS + ", else 1")
            .build());
  }

  private static OptionSpec.Builder value(
      String name, Class<?> type, String label, String description) {
    return OptionSpec.builder(name)
        .type(type)
        .arity("1")
        .paramLabel(label)
        .description(description);
  }

  static Generation read(ParseResult options) {
    Optional<Boolean> doSample = given(options, "--do_sample");
    return new Generation(
        GenerationFlags.<List<String>>given(options, "--prompt").orElse(List.of()),
        GenerationFlags.<Integer>checked(options, "--max_new_tokens", "at least 1", it -> it >= 1)
            .orElseThrow(),
        options.hasMatchedOption("--no_do_sample") ? Optional.of(false) : doSample,
        checked(options, "--temperature", "above 0", it -> it > 0),
        checked(options, "--top_k", "at least 0", it -> it >= 0),
        checked(options, "--top_p", "above 0 and at most 1", it -> it > 0 && it <= 1),
        checked(options, "--repetition_penalty", "above 0", it -> it > 0));
  }

  private static <T> Optional<T> given(ParseResult options, String name) {
    return Optional.ofNullable(options.commandSpec().findOption(name).getValue());
  }

  private static <T extends Number> Optional<T> checked(
      ParseResult options, String name, String right, Predicate<Double> isRight) {
    Optional<T> value = given(options, name);
    if (value.isPresent() && !isRight.test(value.get().doubleValue())) {
      throw new ParameterException(
          options.commandSpec().commandLine(),
          "%s must be %s (got %s)".formatted(name, right, value.get()));
    }
    return value;
  }
}
