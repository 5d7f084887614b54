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
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
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
  private final boolean overlapping;

  private @Nullable Gradients gradients;
  private volatile @Nullable Feed feed;
  private volatile @Nullable Feed held;
  private volatile boolean cancelled;

  private List<Batch> taken = List.of(); // of a step that is to be made again
  private @Nullable Supplier<Made> ahead; // the next step, or what it failed with
  private long since; // when the device began with the step that is told of next
  private int chunksAtOnce;
  private long step;
  private RunEvent.@Nullable Step unsaved; // the last step, until it is in a checkpoint
  private boolean evaluationDue;
  private boolean saveDue;

  /** {@link Llama#forwardBackward}. */
  interface Pass {
    void run(Batch batch, double scale, Gradients into, long number);
  }

  /**
   * A step that the device has before it, its numbers to be waited for; none where none was due.
   */
  private record Made(
      List<Batch> micro,
      long trained,
      double rate,
      long waited,
      Optional<DoubleSupplier> loss,
      Optional<DoubleSupplier> gradNorm) {}

  /**
   * @param overlapping whether a step begins before the last one's numbers are waited for, where
   *     nothing is due between and its batches have arrived: so a GPU never waits for the host
   */
  Steps(
      Llama model,
      Pass pass,
      Optimizer optimizer,
      StepPlan plan,
      Train.Settings settings,
      boolean overlapping,
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
    this.overlapping = overlapping;
    this.step = settings.after();
    this.evaluationDue = step > 0 && !settings.evaluated() && settings.evaluate().due(step, plan);
  }

  /** Does what comes next; after the {@link RunEvent.End} nothing does. */
  RunEvent next() {
    checkCancelled();
    boolean stopping = step < total && settings.stopping().getAsBoolean();
    if (ahead != null) {
      return step(stopping); // nothing is due before it
    }
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
    return step(false);
  }

  /**
   * @param last whether no other step is begun
   */
  private RunEvent step(boolean last) {
    Supplier<Made> begun = ahead;
    ahead = null;
    Made made;
    try {
      if (begun == null) {
        since = System.nanoTime();
        made = make();
      } else {
        made = begun.get();
      }
    } catch (EngineException e) {
      boolean dropped = last && Gpu.outOfMemory(e) && !taken.isEmpty();
      return dropped ? next() : fewer(e); // no weight was moved: the run may end before that step
    }
    step++;
    evaluationDue = settings.evaluate().due(step, plan);
    saveDue = settings.save().due(step, plan);
    if (overlapping && !last && !evaluationDue && !saveDue && step < total && nextIsReady()) {
      ahead = tried();
    }
    RunEvent.Step told = told(made);
    unsaved = told;
    return told;
  }

  /** What the next step comes to, told of in its turn. */
  private Supplier<Made> tried() {
    try {
      Made made = make();
      return () -> made;
    } catch (RuntimeException | Error e) {
      return () -> {
        throw e;
      };
    }
  }

  /** Begins the step after {@link #step}. */
  private Made make() {
    long begin = System.nanoTime();
    List<Batch> micro = taken.isEmpty() ? take() : taken;
    long waited = System.nanoTime() - begin;
    long trained = micro.stream().mapToLong(Batch::trainedTokens).sum();
    double rate = settings.schedule().learningRate(step + 1);
    if (trained == 0) {
      return new Made(micro, trained, rate, waited, Optional.empty(), Optional.empty());
    }
    Gradients into = gradients();
    try {
      forwardBackward(micro, trained, into);
    } catch (EngineException e) {
      into.clear(); // some layers of the pass that failed are in them
      taken = micro;
      throw e;
    }
    taken = List.of();
    DoubleSupplier gradNorm = optimizer.step(into, step + 1, rate);
    DoubleSupplier sum = into.loss();
    into.clear();
    DoubleSupplier loss = () -> sum.getAsDouble() / trained;
    return new Made(micro, trained, rate, waited, Optional.of(loss), Optional.of(gradNorm));
  }

  /** Waits for {@link #step}. */
  private RunEvent.Step told(Made made) {
    OptionalDouble loss = number(made.loss());
    OptionalDouble gradNorm = number(made.gradNorm());
    long now = System.nanoTime();
    long elapsed = now - since;
    since = now;
    return new RunEvent.Step(
        step,
        plan.epochs(step),
        loss,
        gradNorm,
        made.rate(),
        made.micro().stream().mapToLong(Batch::tokens).sum(),
        made.trained(),
        Duration.ofNanos(elapsed),
        Duration.ofNanos(made.waited()),
        loss.isPresent() ? mfu(made.micro(), elapsed / 1e9) : OptionalDouble.empty(),
        deviceBytes());
  }

  private static OptionalDouble number(Optional<DoubleSupplier> later) {
    return later.stream().mapToDouble(DoubleSupplier::getAsDouble).findFirst();
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

  private RunEvent.OutOfMemory fewer(EngineException cause) {
    List<Batch> micro = taken;
    if (!Gpu.outOfMemory(cause) || micro.isEmpty()) {
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

  /** Whether the batches of the next step have arrived. */
  private boolean nextIsReady() {
    Feed from = feed;
    return from != null && from.ready() >= plan.microBatches(step + 1) - plan.microBatches(step);
  }

  /** The batches of the next step. */
  private List<Batch> take() {
    long before = plan.microBatches(step);
    long after = plan.microBatches(step + 1);
    Feed from = feed;
    if (from == null) {
      long whole = overlapping ? plan.microBatches(1) : 1; // else no step would begin early
      int ready = (int) Math.max(settings.prefetch(), whole);
      from = new Feed(ready, plan.microBatches(total) - before);
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
    Feed from = new Feed(settings.prefetch(), Long.MAX_VALUE);
    held = from;
    try {
      begin(from, settings.held());
      return Evaluate.after(step, plan, () -> take(from), chunksAtOnce, model::scores);
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
