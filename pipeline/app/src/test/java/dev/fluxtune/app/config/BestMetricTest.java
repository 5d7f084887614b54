package dev.fluxtune.app.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests {@link BestMetric}. */
class BestMetricTest {
  @ParameterizedTest
  @CsvSource({
    "loss, , eval_loss, false",
    "eval_loss, , eval_loss, false",
    "eval_loss, true, eval_loss, true",
    "mean_token_accuracy, , eval_mean_token_accuracy, true",
    "eval_mean_token_accuracy, false, eval_mean_token_accuracy, false",
    "perplexity, , eval_perplexity, false",
    "eval_entropy, , eval_entropy, false",
    "steps_per_second, , eval_steps_per_second, true"
  })
  void hasAPrefixAndADirection(String metric, String greater, String name, boolean isGreater) {
    List<Flag> flags =
        greater == null
            ? List.of(flag("metric_for_best_model", metric))
            : List.of(flag("metric_for_best_model", metric), flag("greater_is_better", greater));
    Parsed parsed = ConfigParser.parse(Optional.empty(), flags, List.of(), Optional.empty());
    BestMetric best = BestMetric.of(parsed.config().output());
    assertThat(best).isEqualTo(new BestMetric(name, isGreater));
    assertThat(best.better(2, 1)).isEqualTo(isGreater);
    assertThat(best.better(1, 2)).isEqualTo(!isGreater);
    assertThat(best.better(Double.NaN, best.worst())).isFalse();
    assertThat(best.better(1, best.worst())).isTrue();
  }

  private static Flag flag(String name, String value) {
    return new Flag(name, List.of(value));
  }
}
