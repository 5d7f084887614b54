package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.StepPlan;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class EveryTest {
  /** 5 steps an epoch, 12 in all. */
  private static final StepPlan PLAN = new StepPlan(10, 1, 2, false, 2.4, -1, 0);

  @Test
  void byStepsAndAfterTheLast() {
    assertThat(due(Every.steps(5))).containsExactly(5L, 10L, 12L);
    assertThat(due(Every.steps(4))).containsExactly(4L, 8L, 12L);
  }

  @Test
  void aShareOfAllStepsIsRoundedUp() {
    assertThat(due(Every.steps(0.3))).containsExactly(4L, 8L, 12L);
  }

  @Test
  void atTheEndOfEachEpochAndOfTheLastEvenIfItIsCut() {
    assertThat(due(Every.EPOCH)).containsExactly(5L, 10L, 12L);
  }

  @Test
  void never() {
    assertThat(due(Every.NEVER)).isEmpty();
  }

  @Test
  void aDistanceIsPositive() {
    assertThatThrownBy(() -> Every.steps(0)).isInstanceOf(IllegalArgumentException.class);
  }

  private static List<Long> due(Every every) {
    return LongStream.rangeClosed(1, 12).filter(step -> every.due(step, PLAN)).boxed().toList();
  }
}
