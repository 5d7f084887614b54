package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.RunEvent;
import java.time.Duration;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** Tests {@link Pace}. */
class PaceTest {
  private static RunEvent.Step step(int tokens, int millis, int waited, double mfu, long bytes) {
    return new RunEvent.Step(
        1,
        0,
        OptionalDouble.empty(),
        OptionalDouble.empty(),
        0,
        tokens,
        tokens,
        Duration.ofMillis(millis),
        Duration.ofMillis(waited),
        mfu > 0 ? OptionalDouble.of(mfu) : OptionalDouble.empty(),
        bytes > 0 ? OptionalLong.of(bytes) : OptionalLong.empty());
  }

  @Test
  void weighsStepsByTheirTime() {
    Pace pace = new Pace();
    pace.add(step(100, 100, 50, 0.4, 3L << 30));
    pace.add(step(300, 300, 50, 0.2, 2L << 30));
    assertThat(pace.tokensPerSecond()).isEqualTo(1000);
    assertThat(pace.waitedShare()).isEqualTo(0.25);
    assertThat(pace.mfu()).hasValue(0.25);
    assertThat(pace.deviceGib()).hasValue(3);
    assertThat(pace.elapsed()).isEqualTo(Duration.ofMillis(400));
  }

  @Test
  void tellsNothingOfADeviceWhereThereIsNone() {
    Pace pace = new Pace();
    assertThat(pace.tokensPerSecond()).isZero();
    pace.add(step(100, 100, 0, 0, 0));
    assertThat(pace.mfu()).isEmpty();
    assertThat(pace.deviceGib()).isEmpty();
  }
}
