package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.engine.EngineException;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Fixture;
import dev.fluxtune.trainer.model.Trained;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What becomes of a step that the device's memory does not suffice for. */
class OutOfMemoryTest {
  private static final StepPlan PLAN = new StepPlan(20, 8, 1, false, 1, -1, 0);

  private final List<RunEvent> events = new ArrayList<>();
  private final List<Integer> passes = new ArrayList<>();

  private Map<String, float[]> train(int fit, Train.Settings settings) {
    return train(fit, settings, "CUDA out of memory. Tried to allocate 1 GiB");
  }

  /** Trains on 8, 8 and 4 chunks; more than {@code fit} at once fail. */
  private Map<String, float[]> train(int fit, Train.Settings settings, String failure) {
    Fixture fixture = Fixture.of("qwen2");
    // An epsilon so large that AdamW does not divide what is noise by its own size.
    Optimizer.Settings adamw = new Optimizer.Settings(0.9, 0.999, 1e-4, 0.01, 1);
    try (Rig rig = Rig.of(fixture.config(), fixture.weights(), Trained.everything(), true, adamw);
        Steps steps =
            rig.steps(
                (batch, scale, into, number) -> {
                  passes.add(batch.size());
                  rig.model().forwardBackward(batch, scale, into, number);
                  if (batch.size() > fit) { // with gradients left behind, as of the upper layers
                    throw new EngineException(failure);
                  }
                },
                PLAN,
                settings,
                false,
                Rig.epochs(Rig.chunks(20, 16, 96, 3), 8, false, 1))) {
      do {
        events.add(steps.next());
      } while (!(events.get(events.size() - 1) instanceof RunEvent.End));
      return rig.values();
    }
  }

  @Test
  void makesTheStepAgainWithFewerChunksAndTheSameEffectiveBatch() {
    Map<String, float[]> expected = train(8, Rig.settings(1e-2));
    List<RunEvent.Step> whole = Rig.steps(events);
    events.clear();
    passes.clear();
    Map<String, float[]> found = train(3, Rig.settings(1e-2).chunksAtOnce(8));
    assertThat(passes).containsExactly(8, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2);
    assertThat(events.subList(0, 2))
        .containsExactly(new RunEvent.OutOfMemory(1, 4), new RunEvent.OutOfMemory(1, 2));
    assertThat(Rig.steps(events)).hasSize(3);
    for (int i = 0; i < 3; i++) {
      RunEvent.Step step = Rig.steps(events).get(i);
      assertThat(step.trainedTokens()).isEqualTo(whole.get(i).trainedTokens());
      assertThat(step.loss().orElseThrow())
          .isCloseTo(whole.get(i).loss().orElseThrow(), within(1e-5));
    }
    found.forEach(
        (name, values) -> assertThat(values).containsExactly(expected.get(name), within(1e-5f)));
  }

  @Test
  void takesNoMoreAtOnceThanItIsTold() {
    train(8, Rig.settings(1e-2).chunksAtOnce(3));
    assertThat(passes).containsExactly(3, 3, 2, 3, 3, 2, 3, 1);
    assertThat(events).noneMatch(RunEvent.OutOfMemory.class::isInstance);
  }

  @Test
  void anyOtherFailureOfTheEngineIsNotTakenForIt() {
    Train.Settings settings = Rig.settings(1e-2).chunksAtOnce(8);
    assertThatThrownBy(() -> train(3, settings, "CUDA error: an illegal memory access"))
        .isInstanceOf(EngineException.class)
        .hasMessageContaining("illegal memory access");
    assertThat(passes).containsExactly(8);
  }

  @Test
  void saysWhatToDoWhereItIsNotToHelpItself() {
    assertThatThrownBy(() -> train(4, Rig.settings(1e-2)))
        .isInstanceOf(BadInputException.class)
        .hasMessageContainingAll("step 1", "8 x 16 tokens", "auto_find_batch_size: true");
  }

  @Test
  void saysWhatToDoWhereASingleChunkIsTooMuch() {
    assertThatThrownBy(() -> train(0, Rig.settings(1e-2).chunksAtOnce(1)))
        .isInstanceOf(BadInputException.class)
        .hasMessageContainingAll("step 1", "1 x 16 tokens", "smaller max_length");
  }
}
