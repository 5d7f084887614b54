package dev.fluxtune.app.page;

import dev.fluxtune.app.watch.Sampled;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/** What a run might tell, for tests. */
final class Made {
  static final String HOSTILE =
      "</script><script>alert(1)</script><img src=x onerror=alert(1)>\u001b[2J\u202e&lt;\u2028";

  private Made() {}

  static RunFacts facts(String name, Path folder) {
    return new RunFacts(
        name,
        folder,
        Optional.of(new StepPlan(100, 2, 1, false, 2, -1, 0.1)),
        Optional.of(new Ledger(10, 1000, 600, 300, 0, 0, 0, 100, 0)),
        List.of(new Fact("total steps", "100", "")),
        Map.of("seed", "42"),
        List.of(new Fact("JVM", "17", "")));
  }

  static RunEvent.Step step(long step, double loss) {
    return new RunEvent.Step(
        step,
        step / 50.0,
        OptionalDouble.of(loss),
        OptionalDouble.of(1),
        1e-3,
        256,
        32,
        Duration.ofMillis(100),
        Duration.ofMillis(10),
        OptionalDouble.empty(),
        OptionalLong.empty());
  }

  static TrainerState.Log evaluation(long step, double loss) {
    return new TrainerState.Log(step, step / 50.0, Map.of("eval_loss", loss));
  }

  static Sampled sampled(long step, String text) {
    return new Sampled(
        step, step / 50.0, "greedy", List.of(new Sampled.Text(1, text, text + step, text)));
  }
}
