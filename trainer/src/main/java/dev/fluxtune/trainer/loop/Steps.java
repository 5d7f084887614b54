package dev.fluxtune.trainer.loop;

import ai.djl.engine.EngineException;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Gpu;
import dev.fluxtune.trainer.model.Gradients;
import dev.fluxtune.trainer.model.Llama;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;

/**
 * A run in progress: each call of {@link #next} does one thing, in the order of transformers' loop:
 * a step, then the evaluation and the checkpoint that are due after it. Owns native memory (the
 * gradients); one thread at a time, but for {@link #cancel}.
 */
final class Steps implements AutoCloseable {
  private final Llama model;
  private final Pass pass;
  private final Optimizer optimizer;
  private final StepPlan plan;
  private final Train.Settings settings;
  private final Flux<Batch> batches;
  private final long total;
  private final OptionalDouble peak;

  private @Nullable Gradients gradients;
  private volatile @Nullable Feed feed;
  private volatile @Nullable Feed held;
  private volatile boolean cancelled;

  private List<Batch> taken = List.of(); // of a step that is to be made again
  private int chunksAtOnce;
  private long step;
  private RunEvent.@Nullable Step unsaved; // the last step, until it is in a checkpoint
  private boolean evaluationDue;
  private boolean saveDue;

  /** {@link Llama#forwardBackward}. */
  interface Pass {
    void run(Batch batch, double scale, Gradients into, long number);
  }

  Steps(
      Llama model,
      Pass pass,
      Optimizer optimizer,
      StepPlan plan,
      Train.Settings settings,
      Flux<Batch> batches) {
    this.model = model;
    this.pass = pass;
    this.chunksAtOnce = settings.chunksAtOnce().orElse(Integer.MAX_VALUE);
    this.optimizer = optimizer;
    this.plan = plan;
    this.settings = settings;
    this.batches = batches;
    this.total = plan.totalSteps();
    this.peak = Peak.of(optimizer.device());
    this.step = settings.after();
    this.evaluationDue = step > 0 && !settings.evaluated() && settings.evaluate().due(step, plan);
  }

  /** Does what comes next; after the {@link RunEvent.End} nothing does. */
  RunEvent next() {
    checkCancelled();
    boolean stopping = step < total && settings.stopping().getAsBoolean();
    if (evaluationDue && !stopping) {
      evaluationDue = false;
      return evaluate();
    }
    RunEvent.Step last = unsaved;
    if (last != null && settings.saver().isPresent() && (saveDue || stopping)) {
      saveDue = false;
      unsaved = null;
      return save(settings.saver().get(), last);
    }
    if (stopping || step == total) {
      return new RunEvent.End(step, step < total);
    }
    RunEvent event = step();
    if (event instanceof RunEvent.Step made) {
      step = made.step();
      unsaved = made;
      evaluationDue = settings.evaluate().due(step, plan);
      saveDue = settings.save().due(step, plan);
    }
    return event;
  }

  private RunEvent step() {
    long begin = System.nanoTime();
    List<Batch> micro = taken.isEmpty() ? take() : taken;
    long waited = System.nanoTime() - begin;
    long trained = micro.stream().mapToLong(Batch::trainedTokens).sum();
    double rate = settings.schedule().learningRate(step + 1);
    OptionalDouble loss = OptionalDouble.empty();
    OptionalDouble gradNorm = OptionalDouble.empty();
    if (trained > 0) {
      Gradients into = gradients();
      try {
        forwardBackward(micro, trained, into);
      } catch (EngineException e) {
        RunEvent.OutOfMemory next = fewer(micro, e);
        into.clear(); // some layers of the pass that failed are in them
        taken = micro;
        return next;
      }
      taken = List.of();
      gradNorm = OptionalDouble.of(optimizer.step(into, step + 1, rate));
      loss = OptionalDouble.of(into.loss() / trained);
      into.clear();
    }
    long elapsed = System.nanoTime() - begin;
    return new RunEvent.Step(
        step + 1,
        plan.epochs(step + 1),
        loss,
        gradNorm,
        rate,
        micro.stream().mapToLong(batch -> batch.inputIds().length).sum(),
        trained,
        Duration.ofNanos(elapsed),
        Duration.ofNanos(waited),
        trained > 0 ? mfu(micro, elapsed / 1e9) : OptionalDouble.empty(),
        deviceBytes());
  }

  private void forwardBackward(List<Batch> micro, long trained, Gradients into) {
    long number = plan.microBatches(step);
    for (Batch batch : micro) {
      long part = 0;
      for (Batch some : batch.split(chunksAtOnce)) {
        // Each pass has a number of its own, whichever parts its batch is taken in.
        pass.run(some, 1.0 / trained, into, number + (part++ << 40));
      }
      number++;
    }
  }

  private RunEvent.OutOfMemory fewer(List<Batch> micro, EngineException cause) {
    if (!Gpu.outOfMemory(cause)) {
      throw cause;
    }
    int largest = micro.stream().mapToInt(Batch::size).max().orElseThrow();
    int tried = Math.min(chunksAtOnce, largest);
    if (settings.chunksAtOnce().isEmpty() || tried == 1) {
      throw new BadInputException(
          """
          step %d: the memory of the device does not suffice for %d x %,d tokens at once
            %s; gradient_checkpointing: true keeps less, so do adapters (use_peft: true)
            pipeline plan --memory_table shows what fits"""
              .formatted(
                  step + 1,
                  tried,
                  micro.get(0).length(),
                  tried == 1
                      ? "set a smaller max_length"
                      : "set a smaller per_device_train_batch_size and more gradient_accumulation_steps, or auto_find_batch_size: true"),
          cause);
    }
    chunksAtOnce = (tried + 1) / 2;
    return new RunEvent.OutOfMemory(step + 1, chunksAtOnce);
  }

  private OptionalDouble mfu(List<Batch> micro, double seconds) {
    return peak.stream()
        .map(most -> micro.stream().mapToDouble(model::flops).sum() / (most * seconds))
        .findFirst();
  }

  /** The batches of the next step. */
  private List<Batch> take() {
    long before = plan.microBatches(step);
    long after = plan.microBatches(step + 1);
    Feed from = feed;
    if (from == null) {
      from = new Feed(settings.prefetch(), plan.microBatches(total) - before);
      feed = from;
      begin(from, batches);
    }
    List<Batch> micro = new ArrayList<>();
    for (long n = before; n < after; n++) {
      Optional<Batch> batch = take(from);
      if (batch.isEmpty()) {
        throw new IllegalStateException(
            "the batches ended after %d of the %d that the plan counts, in step %d of %d"
                .formatted(n, plan.microBatches(total), step + 1, total));
      }
      micro.add(batch.get());
    }
    return micro;
  }

  private RunEvent.Evaluation evaluate() {
    long begin = System.nanoTime();
    Feed from = new Feed(settings.prefetch(), Long.MAX_VALUE);
    held = from;
    try {
      begin(from, settings.held());
      Llama.Scores sums = Llama.Scores.NONE;
      long trained = 0;
      long chunks = 0;
      long micro = 0;
      for (Optional<Batch> batch = take(from); batch.isPresent(); batch = take(from)) {
        for (Batch some : batch.get().split(chunksAtOnce)) {
          sums = sums.plus(model.scores(some));
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
    } finally {
      from.stop();
    }
  }

  private RunEvent.Saved save(Saver saver, RunEvent.Step last) {
    long begin = System.nanoTime();
    try {
      Path folder = saver.save(last);
      return new RunEvent.Saved(
          step, plan.epochs(step), folder, Duration.ofNanos(System.nanoTime() - begin));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void begin(Feed from, Flux<Batch> source) {
    from.from(source);
    if (cancelled) {
      from.stop();
    }
  }

  private Optional<Batch> take(Feed from) {
    Optional<Batch> batch = from.take();
    checkCancelled();
    return batch;
  }

  private void checkCancelled() {
    if (cancelled) {
      throw new CancellationException("the trainer was closed");
    }
  }

  boolean cancelled() {
    return cancelled;
  }

  private Gradients gradients() {
    Gradients there = gradients;
    if (there == null) {
      there = model.gradients(optimizer.dtype());
      gradients = there;
    }
    return there;
  }

  private OptionalLong deviceBytes() {
    return optimizer.device().isGpu() ? Gpu.usedBytes() : OptionalLong.empty();
  }

  int batchesReady() {
    Feed from = feed;
    return from == null ? 0 : from.ready();
  }

  /**
   * Ends it after the step in progress, from any thread; whoever waits for a batch waits no more.
   */
  void cancel() {
    cancelled = true;
    stop(feed);
    stop(held);
  }

  private static void stop(@Nullable Feed feed) {
    if (feed != null) {
      feed.stop();
    }
  }

  @Override
  public void close() {
    stop(feed);
    Gradients there = gradients;
    gradients = null;
    if (there != null) {
      there.close();
    }
  }
}
