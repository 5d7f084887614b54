package dev.fluxtune.app.config;

import dev.fluxtune.schemas.Nearest;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.RunConfig.PackingStrategy;
import dev.fluxtune.schemas.RunConfig.Scheduler;
import dev.fluxtune.schemas.RunConfig.When;
import dev.fluxtune.trainer.loop.Schedule;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** Checks what no key shows alone: keys that do not go together. */
public final class Checks {
  /** What {@code report_to} may name. */
  public static final List<String> LOGGERS = List.of("jsonl", "tensorboard", "wandb", "page");

  private final RunConfig config;
  private final Map<String, Given> given;
  private final Set<String> wrong;
  private final Problems problems;

  /**
   * Of a configuration in which the keys of {@code wrong} have their defaults, since their values
   * are problems already: nothing more is said of them.
   */
  Checks(RunConfig config, Map<String, Given> given, Set<String> wrong, Problems problems) {
    this.config = config;
    this.given = given;
    this.wrong = wrong;
    this.problems = problems;
  }

  void run() {
    chunks(config.chunks());
    weights(config.model(), config.adapter());
    training(config.training());
    output(config.output());
    double test = config.data().testSplitSize().orElse(1.0);
    refuse(test == 0, "must be above 0: a share or a number of rows", "test_split_size");
    refuse(test > 1 && !whole(test), "above 1 it counts rows and must be whole", "test_split_size");
  }

  private void chunks(RunConfig.Chunks chunks) {
    refuse(
        chunks.packing() && chunks.maxLength().isEmpty(),
        "must be a number where packing is on; give one, or packing: false",
        "max_length",
        "packing");
    boolean wrapped = chunks.packing() && chunks.packingStrategy() == PackingStrategy.WRAPPED;
    refuse(
        chunks.tail() != Packing.Tail.DROP && !wrapped,
        "only packing_strategy: wrapped has a tail; leave it out, nothing else drops one",
        "tail",
        "packing_strategy",
        "packing");
  }

  private void weights(RunConfig.Model model, RunConfig.Adapter adapter) {
    refuse(
        model.unfrozenLayers().isPresent() && adapter.usePeft(),
        "does not go with use_peft: true, which freezes all layers; keep one of them",
        "unfrozen_layers",
        "use_peft");
    refuse(
        model.trainHead() && model.unfrozenLayers().isEmpty(),
        "needs unfrozen_layers; without it the head is trained like all weights",
        "train_head",
        "unfrozen_layers");
    refuse(adapter.loraDropout() >= 1, "must be below 1, or nothing is learnt", "lora_dropout");
    String quantized =
        "needs use_peft: true; it is for training adapters, since quantized weights themselves cannot be trained";
    refuse(adapter.loadIn4bit() && !adapter.usePeft(), quantized, "load_in_4bit", "use_peft");
    refuse(adapter.loadIn8bit() && !adapter.usePeft(), quantized, "load_in_8bit", "use_peft");
    refuse(
        adapter.loadIn4bit() && adapter.loadIn8bit(),
        "does not go with load_in_4bit; keep one of them",
        "load_in_8bit",
        "load_in_4bit");
    refuse(
        !adapter.bnb4bitQuantType().equals("nf4"),
        "must be nf4 (got " + adapter.bnb4bitQuantType() + ")",
        "bnb_4bit_quant_type");
  }

  private void training(RunConfig.Training training) {
    String nan = "must be below 1, or the first step divides by zero";
    refuse(training.adamBeta1() >= 1, nan, "adam_beta1");
    refuse(training.adamBeta2() >= 1, nan, "adam_beta2");
    refuse(
        training.numTrainEpochs() == 0 && training.maxSteps() <= 0,
        "must be above 0 where max_steps does not say how long",
        "num_train_epochs",
        "max_steps");
    Set<String> arguments = training.lrSchedulerKwargs().keySet();
    refuse(
        training.lrSchedulerType() == Scheduler.COSINE_WITH_MIN_LR
            && !arguments.contains("min_lr")
            && !arguments.contains("min_lr_rate"),
        "cosine_with_min_lr needs lr_scheduler_kwargs: {min_lr_rate: 0.1}, or min_lr",
        "lr_scheduler_type",
        "lr_scheduler_kwargs");
    refuse(
        arguments.contains("min_lr") && arguments.contains("min_lr_rate"),
        "min_lr (a rate) and min_lr_rate (its share of learning_rate) say the same; keep one",
        "lr_scheduler_kwargs");
    Set<String> known = Schedule.arguments(training.lrSchedulerType());
    for (String argument : arguments) {
      refuse(
          !known.contains(argument),
          "%s is no argument of the schedule %s, which takes %s%s"
              .formatted(
                  argument,
                  training.lrSchedulerType().name().toLowerCase(Locale.ROOT),
                  known.isEmpty() ? "none" : String.join(", ", known),
                  Nearest.hint(argument, known)),
          "lr_scheduler_kwargs",
          "lr_scheduler_type");
    }
  }

  private void output(RunConfig.Output output) {
    steps(output.loggingStrategy(), output.loggingSteps(), "logging");
    steps(output.saveStrategy(), output.saveSteps(), "save");
    steps(output.evalStrategy(), output.evalSteps().orElse(0.0), "eval");
    for (String logger : output.reportTo()) {
      refuse(
          !LOGGERS.contains(logger),
          "must be of " + String.join(", ", LOGGERS) + ", or none (got " + logger + ")",
          "report_to");
    }
    best(output);
  }

  private void best(RunConfig.Output output) {
    String metric = output.metricForBestModel().orElse("loss");
    refuse(
        !BestMetric.NAMES.contains(BestMetric.logged(metric)),
        "%s is not measured; must be of %s%s"
            .formatted(
                metric,
                String.join(", ", BestMetric.NAMES),
                Nearest.hint(BestMetric.logged(metric), BestMetric.NAMES)),
        "metric_for_best_model");
    refuse(
        output.earlyStoppingPatience().isPresent()
            && (output.evalStrategy() == When.NO || output.saveStrategy() == When.NO),
        "needs eval_strategy and save_strategy to be steps or epoch",
        "early_stopping_patience",
        "eval_strategy",
        "save_strategy");
    refuse(
        output.earlyStoppingThreshold() > 0 && output.earlyStoppingPatience().isEmpty(),
        "needs early_stopping_patience, the evaluations to wait for a better one",
        "early_stopping_threshold");
    if (!output.loadBestModelAtEnd()) {
      return;
    }
    refuse(
        output.evalStrategy() == When.NO || output.evalStrategy() != output.saveStrategy(),
        "needs eval_strategy and save_strategy to be the same, steps or epoch",
        "load_best_model_at_end",
        "eval_strategy",
        "save_strategy");
    double evaluations = output.saveSteps() / output.evalSteps().orElse(output.saveSteps());
    refuse(
        output.evalStrategy() == When.STEPS
            && output.saveStrategy() == When.STEPS
            && Math.abs(evaluations - Math.rint(evaluations)) > 1e-9,
        "needs save_steps to be a multiple of eval_steps",
        "load_best_model_at_end",
        "save_steps",
        "eval_steps");
  }

  private void steps(When when, double steps, String what) {
    String[] keys = {what + "_steps", what + "_strategy"};
    refuse(when == When.STEPS && steps == 0, "must be above 0 for " + keys[1] + ": steps", keys);
    refuse(steps > 1 && !whole(steps), "above 1 it counts steps and must be whole", keys[0]);
  }

  private static boolean whole(double number) {
    return number == Math.rint(number);
  }

  /** Adds a problem, told at the first of these keys that is given. */
  private void refuse(boolean is, String message, String... keys) {
    if (is && Arrays.stream(keys).noneMatch(wrong::contains)) {
      Given at =
          Arrays.stream(keys)
              .map(given::get)
              .filter(Objects::nonNull)
              .findFirst()
              .orElseThrow(() -> new IllegalStateException("the defaults of " + keys[0]));
      problems.add(at, message);
    }
  }
}
