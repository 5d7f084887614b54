package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.fluxtune.app.terminal.Progress;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class RunLogTest {
  private final List<TrainerState.Log> logs = new ArrayList<>();

  private static RunEvent.Step step(long step, double loss, long millis, long waited) {
    return new RunEvent.Step(
        step,
        step / 10.0,
        OptionalDouble.of(loss),
        OptionalDouble.of(2),
        1e-3,
        1000,
        500,
        Duration.ofMillis(millis),
        Duration.ofMillis(waited),
        OptionalDouble.empty(),
        OptionalLong.empty());
  }

  @Test
  void tellsOfTheStepsSinceTheLastLogAlone() {
    RunConfig config = Configs.of("logging_steps", 2);
    StepPlan plan = new StepPlan(10, 1, 1, false, 1, -1, 0);
    try (Progress progress = Progress.start(Configs.SILENT, "training", 10)) {
      RunLog log = new RunLog(config, plan, progress, logs::add);
      log.accept(step(1, 8, 1000, 0));
      log.accept(step(2, 4, 1000, 500));
      log.accept(step(3, 2, 100, 0));
      log.accept(step(4, 1, 100, 20));
    }
    assertThat(logs).hasSize(2);
    assertThat(logs.get(0).values())
        .containsEntry("loss", 6.0)
        .containsEntry("tokens_per_second", 1000.0)
        .containsEntry("data_wait", 0.25);
    assertThat(logs.get(1).step()).isEqualTo(4);
    assertThat(logs.get(1).values())
        .containsEntry("loss", 1.5)
        .containsEntry("grad_norm", 2.0)
        .containsEntry("num_tokens", 4000.0);
    assertThat(logs.get(1).values().get("tokens_per_second")).isCloseTo(10_000, within(1e-6));
    assertThat(logs.get(1).values().get("data_wait")).isCloseTo(0.1, within(1e-9));
  }
}
