package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StepPlanTest {
  @Test
  void countsAShortLastBatchAndAShortLastStep() {
    StepPlan plan = new StepPlan(10, 3, 3, false, 2.5, -1, 0.1); // batches 3 3 3 1, steps 3 1
    assertThat(plan.microBatchesPerEpoch()).isEqualTo(4);
    assertThat(plan.stepsPerEpoch()).isEqualTo(2);
    assertThat(plan.totalSteps()).isEqualTo(5);
    assertThat(plan.warmupSteps()).isEqualTo(1);
    assertThat(plan.epochsBegun()).isEqualTo(3);
  }

  @Test
  void stepsOfEachEpochBeginAnew() {
    StepPlan plan = new StepPlan(10, 3, 3, false, 2.5, -1, 0); // micro-batches 3 1, 3 1, 3
    assertThat(LongStream.rangeClosed(0, 5).map(plan::microBatches))
        .containsExactly(0L, 3L, 4L, 7L, 8L, 11L);
    assertThat(LongStream.rangeClosed(0, 5).map(plan::epoch))
        .containsExactly(0L, 0L, 1L, 1L, 2L, 2L);
    assertThat(LongStream.rangeClosed(0, 5).map(plan::microBatchesInEpoch))
        .containsExactly(0L, 3L, 0L, 3L, 0L, 3L);
    assertThat(LongStream.rangeClosed(0, 5).mapToDouble(plan::epochs))
        .containsExactly(0.0, 0.75, 1.0, 1.75, 2.0, 2.75);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void equalsWhatAConsumerCounts(long seed) {
    Random random = new Random(seed);
    int chunks = 20 + random.nextInt(100);
    int batch = 1 + random.nextInt(20);
    int accumulation = 1 + random.nextInt(5);
    int epochs = 1 + random.nextInt(3);
    boolean dropLast = random.nextBoolean();
    int steps = 0;
    int left = 0;
    for (int epoch = 0; epoch < epochs; epoch++) {
      int inBatch = 0;
      int inStep = 0;
      for (int chunk = 1; chunk <= chunks; chunk++) {
        inBatch++;
        if (inBatch == batch || (chunk == chunks && !dropLast)) {
          inBatch = 0;
          inStep++;
        }
        if (inStep == accumulation || (chunk == chunks && inStep > 0)) {
          inStep = 0;
          steps++;
        }
      }
      left += inBatch;
    }
    StepPlan plan = new StepPlan(chunks, batch, accumulation, dropLast, epochs, -1, 0);
    assertThat(plan.totalSteps()).as("seed %d", seed).isEqualTo(steps);
    assertThat(epochs * plan.droppedChunks()).as("seed %d", seed).isEqualTo(left);
  }

  @Test
  void takesMaxStepsOverEpochsAndWarmupInStepsOrAsAShare() {
    assertThat(new StepPlan(10, 1, 1, false, 1, 7, 3).totalSteps()).isEqualTo(7);
    assertThat(new StepPlan(10, 1, 1, false, 1, 7, 3).warmupSteps()).isEqualTo(3);
    assertThat(new StepPlan(10, 1, 1, false, 1, 7, 1).warmupSteps()).isEqualTo(1);
    assertThat(new StepPlan(10, 1, 1, false, 1, 101, 0.1).warmupSteps()).isEqualTo(11);
  }

  @Test
  void takesAsManyStepsAsThereAreNumbers() {
    StepPlan plan = new StepPlan(10, 3, 3, false, 1, Long.MAX_VALUE, 0); // two steps an epoch
    assertThat(plan.epochsBegun()).isEqualTo(1L << 62);
  }

  @Test
  void batchesAndStepsHoldSomething() {
    assertThatThrownBy(() -> new StepPlan(10, 0, 1, false, 1, -1, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new StepPlan(10, 1, 0, false, 1, -1, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void saysWhatToDoAboutNoChunkAndNoBatch() {
    assertThatThrownBy(() -> new StepPlan(0, 1, 1, false, 1, -1, 0))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("tail: keep");
    assertThatThrownBy(() -> new StepPlan(3, 4, 1, true, 1, -1, 0))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("dataloader_drop_last");
  }
}
