package dev.fluxtune.app.config;

import dev.fluxtune.schemas.RunConfig;
import java.util.List;
import java.util.Set;

/**
 * The number by which evaluations are compared ({@code metric_for_best_model}, {@code
 * greater_is_better}).
 *
 * @param name as it is logged
 * @param greater whether more of it is better
 */
public record BestMetric(String name, boolean greater) {
  private static final String PREFIX = "eval_";

  /** What an evaluation logs. */
  public static final List<String> NAMES =
      List.of(
          "eval_loss",
          "eval_perplexity",
          "eval_mean_token_accuracy",
          "eval_entropy",
          "eval_num_tokens",
          "eval_runtime",
          "eval_samples_per_second",
          "eval_steps_per_second");

  /** transformers knows but losses to be such; nobody wants the most perplexity. */
  static final Set<String> LESS_IS_BETTER =
      Set.of("eval_loss", "eval_perplexity", "eval_entropy", "eval_runtime");

  /** What a configuration says, in words with or without the prefix. */
  public static BestMetric of(RunConfig.Output output) {
    String name = logged(output.metricForBestModel().orElse("loss"));
    return new BestMetric(name, output.greaterIsBetter().orElse(!LESS_IS_BETTER.contains(name)));
  }

  static String logged(String name) {
    return name.startsWith(PREFIX) ? name : PREFIX + name;
  }

  /** Whether one value is better than another; what is no number never is. */
  public boolean better(double value, double than) {
    return greater ? value > than : value < than;
  }

  /** A value that every other number is better than. */
  public double worst() {
    return greater ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
  }
}
