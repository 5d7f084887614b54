package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Fixture;
import dev.fluxtune.trainer.model.NativeMemory;
import dev.fluxtune.trainer.model.Trained;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import reactor.core.publisher.Flux;

class TrainLeakTest {
  private static final int STEPS = 1000;

  @Test
  @EnabledOnOs(value = OS.LINUX, disabledReason = "resident memory is read from /proc")
  void arraysAndMemoryAreFlatOverAThousandSteps() {
    Fixture fixture = Fixture.of("qwen2");
    List<Chunk> chunks = Rig.chunks(2, 40, 96, 4);
    Batch batch = Batch.stack(chunks, OptionalInt.empty());
    StepPlan plan = new StepPlan(STEPS, 1, 1, false, 1, -1, 0);
    List<Integer> arrays = new ArrayList<>();
    List<Long> bytes = new ArrayList<>();
    try (Rig rig = Rig.of(fixture, Trained.everything(), false);
        Train train =
            Train.on(
                rig.model(),
                rig.optimizer(),
                plan,
                Rig.settings(1e-4).evaluate(Every.steps(100), Flux.just(batch)))) {
      int before = NativeMemory.arrays();
      RunEvent end =
          Flux.just(batch)
              .repeat(STEPS - 1)
              .transform(train)
              .doOnNext(
                  event -> {
                    if (event instanceof RunEvent.Step && event.step() % 250 == 0) {
                      arrays.add(NativeMemory.arrays());
                      bytes.add(NativeMemory.residentBytes());
                    }
                  })
              .blockLast();
      assertThat(end).isEqualTo(new RunEvent.End(STEPS, false));
      // Three constants of the trainer's gradients, whose buffers a step frees, and nothing else.
      assertThat(arrays).hasSize(4).containsOnly(before + 3);
      // A step's activations are 160 kB (2 layers × 80 tokens × 250 floats) and its gradients
      // 80 kB: if one of them stayed for 750 steps, 120 MB or 60 MB.
      assertThat(bytes.get(3) - bytes.get(0)).isLessThan(30_000_000);
      assertThat(NativeMemory.arrays()).isEqualTo(before);
    }
  }
}
