package dev.fluxtune.trainer.loop;

import ai.djl.engine.EngineException;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Gpu;
import dev.fluxtune.trainer.model.Llama;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;

/** Tries the model on rows that it is not trained on. */
final class Evaluate {
  private Evaluate() {}

  /**
   * @param batches one after the other, to the end
   * @param chunksAtOnce how many of a batch the model is given, at most
   * @throws BadInputException if they hold no trained token, or memory does not suffice for one of
   *     them
   */
  static RunEvent.Evaluation after(
      long step,
      StepPlan plan,
      Supplier<Optional<Batch>> batches,
      int chunksAtOnce,
      Function<Batch, Llama.Scores> model) {
    long begin = System.nanoTime();
    Llama.Scores sums = Llama.Scores.NONE;
    long trained = 0;
    long chunks = 0;
    long micro = 0;
    for (Optional<Batch> batch = batches.get(); batch.isPresent(); batch = batches.get()) {
      for (Batch some : batch.get().split(chunksAtOnce)) {
        sums = sums.plus(scores(step, some, model));
      }
      trained += batch.get().trainedTokens();
      chunks += batch.get().size();
      micro++;
    }
    if (trained == 0) {
      throw new BadInputException(
          "the rows to evaluate on hold no trained token: give others, or set eval_strategy: no");
    }
    return new RunEvent.Evaluation(
        step,
        plan.epochs(step),
        sums.loss() / trained,
        sums.hits() / trained,
        sums.entropy() / trained,
        trained,
        chunks,
        micro,
        Duration.ofNanos(System.nanoTime() - begin));
  }

  private static Llama.Scores scores(long step, Batch batch, Function<Batch, Llama.Scores> model) {
    try {
      return model.apply(batch);
    } catch (EngineException e) {
      if (!Gpu.outOfMemory(e)) {
        throw e;
      }
      throw new BadInputException(
          "after step %,d: the memory of the device does not suffice to evaluate %d x %,d tokens at once; set a smaller per_device_eval_batch_size"
              .formatted(step, batch.size(), batch.length()),
          e);
    }
  }
}
