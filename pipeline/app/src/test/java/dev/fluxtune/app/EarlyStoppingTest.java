package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.app.config.BestMetric;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The counters are what transformers' callback says to the same numbers. */
class EarlyStoppingTest {
  private static final BestMetric LOSS = new BestMetric("eval_loss", false);

  private static TrainerState.Log log(long step, double value) {
    return new TrainerState.Log(step, 0, Map.of("eval_loss", value));
  }

  private static List<Integer> counters(EarlyStopping stopping, double... values) {
    List<Integer> counters = new ArrayList<>();
    for (double value : values) {
      stopping.evaluated(log(counters.size() + 1, value));
      counters.add(stopping.state().counter());
    }
    return counters;
  }

  @Test
  void countsEvaluationsThatWereNoBetter() {
    assertThat(counters(new EarlyStopping(LOSS, 3, 0), 3, 2.5, 2.4, 2.3, 2.4, 2.0, 2.0))
        .containsExactly(0, 0, 0, 0, 1, 0, 1);
  }

  @Test
  void aSmallStepIsNoProgressAndMovesTheBestAllTheSame() {
    assertThat(counters(new EarlyStopping(LOSS, 4, 0.2), 3, 2.5, 2.4, 2.3, 1.0, 1.1, 1.2))
        .containsExactly(0, 0, 1, 2, 0, 1, 2);
  }

  @Test
  void endsWhenItsPatienceDoes() {
    EarlyStopping stopping = new EarlyStopping(new BestMetric("eval_loss", true), 2, 0);
    assertThat(counters(stopping, .1, .2, .2)).containsExactly(0, 0, 1);
    assertThat(stopping.reached()).isFalse();
    stopping.evaluated(log(4, .1));
    assertThat(stopping.reached()).isTrue();
    assertThat(stopping.toString()).contains("in 2 evaluations on end", "the 0.2000 of step 2");
  }

  @Test
  void whatIsNoNumberIsNoProgress() {
    assertThat(counters(new EarlyStopping(LOSS, 9, 0), 2, Double.NaN, Double.NaN, 1))
        .containsExactly(0, 1, 2, 0);
  }

  @Test
  void goesOnFromACheckpoint() {
    EarlyStopping stopping = new EarlyStopping(LOSS, 3, 0);
    stopping.from(
        new TrainerState(
            4,
            9,
            0,
            1,
            1,
            1,
            1,
            1,
            0,
            Optional.empty(),
            Optional.of(new TrainerState.Patience(3, 0, 2)),
            List.of(log(1, 2), log(2, 1), log(3, 3), log(4, 1.5))));
    stopping.evaluated(log(5, 1.2));
    assertThat(stopping.reached()).isTrue();
  }
}
