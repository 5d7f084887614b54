package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.fluxtune.schemas.RunEvent;
import java.time.Duration;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class PaceTest {
  private final Pace pace = new Pace();

  private void step(long elapsedMillis, long waitedMillis) {
    pace.add(
        new RunEvent.Step(
            1,
            0.1,
            OptionalDouble.of(1),
            OptionalDouble.of(1),
            1e-3,
            1000,
            500,
            Duration.ofMillis(elapsedMillis),
            Duration.ofMillis(waitedMillis),
            OptionalDouble.empty(),
            OptionalLong.empty()));
  }

  @Test
  void whoWaitsForTheFirstBatchAloneIsNotStarved() {
    step(1000, 900);
    assertThat(pace.starved()).isFalse();
    step(1000, 10);
    assertThat(pace.starved()).isFalse();
    assertThat(pace.waitedShare()).isCloseTo(0.455, within(1e-9));
    assertThat(pace.tokensPerSecond()).isCloseTo(1000, within(1e-9));
  }

  @Test
  void whoWaitsForMoreThanAHundredthLaterIs() {
    step(1000, 0);
    step(1000, 11);
    assertThat(pace.starved()).isTrue();
  }
}
