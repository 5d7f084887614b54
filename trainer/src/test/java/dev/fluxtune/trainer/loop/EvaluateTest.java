package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.engine.EngineException;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Llama;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class EvaluateTest {
  private static final StepPlan PLAN = new StepPlan(8, 1, 1, false, 1, -1, 0);

  private final List<Integer> passes = new ArrayList<>();

  /** Of two batches of three chunks and one of two, at most two chunks at once. */
  private RunEvent.Evaluation evaluate(Function<Batch, Llama.Scores> model) {
    Iterator<Batch> batches = List.of(batch(3), batch(3), batch(2)).iterator();
    return Evaluate.after(
        4,
        PLAN,
        () -> batches.hasNext() ? Optional.of(batches.next()) : Optional.empty(),
        2,
        batch -> {
          passes.add(batch.size());
          return model.apply(batch);
        });
  }

  private static Batch batch(int chunks) {
    return Batch.stack(Rig.chunks(chunks, 16, 96, chunks), OptionalInt.empty());
  }

  @Test
  void meansAreOverTheTrainedTokensOfAllBatches() {
    RunEvent.Evaluation told =
        evaluate(
            batch -> {
              double trained = batch.trainedTokens();
              return new Llama.Scores(3 * trained, trained / 4, 2 * trained);
            });
    assertThat(passes).containsExactly(2, 1, 2, 1, 2);
    assertThat(told.step()).isEqualTo(4);
    assertThat(told.epoch()).isEqualTo(0.5);
    assertThat(told.loss()).isEqualTo(3);
    assertThat(told.accuracy()).isEqualTo(0.25);
    assertThat(told.entropy()).isEqualTo(2);
    assertThat(told.chunks()).isEqualTo(8);
    assertThat(told.microBatches()).isEqualTo(3);
    assertThat(told.trainedTokens())
        .isEqualTo(2 * batch(3).trainedTokens() + batch(2).trainedTokens());
  }

  @Test
  void saysWhatToDoWhereMemoryDoesNotSuffice() {
    assertThatThrownBy(
            () ->
                evaluate(
                    batch -> {
                      throw new EngineException("CUDA out of memory. Tried to allocate 1 GiB");
                    }))
        .isInstanceOf(BadInputException.class)
        .hasMessageContainingAll("step 4", "2 x 16 tokens", "per_device_eval_batch_size");
  }

  @Test
  void anyOtherFailureIsNotTakenForIt() {
    assertThatThrownBy(
            () ->
                evaluate(
                    batch -> {
                      throw new EngineException("CUDA error: an illegal memory access");
                    }))
        .isInstanceOf(EngineException.class)
        .hasMessageContaining("illegal memory access");
  }
}
