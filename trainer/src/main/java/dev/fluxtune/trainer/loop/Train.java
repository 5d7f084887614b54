package dev.fluxtune.trainer.loop;

import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Llama;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;
import reactor.core.publisher.SynchronousSink;
import reactor.core.scheduler.Schedulers;

/**
 * Trains a model on batches and tells what happens, one event for each that is asked for.
 *
 * <p>All tensor work is done on one thread. Batches are asked for as the steps need them, and
 * {@code prefetch} beyond. Cancelling ends it after the step in progress; {@link #close} waits for
 * that, so close the trainer before the model, the optimizer and the weights: they are the
 * caller's. What the trainer makes, it frees at the end of the stream.
 */
public final class Train implements Function<Flux<Batch>, Flux<RunEvent>>, AutoCloseable {
  private final Llama model;
  private final Optimizer optimizer;
  private final StepPlan plan;
  private final Settings settings;
  private final AtomicReference<@Nullable Thread> tensorThread = new AtomicReference<>();
  private final ExecutorService tensors = Executors.newSingleThreadExecutor(this::tensorThread);
  private final AtomicReference<@Nullable Steps> begun = new AtomicReference<>();
  private volatile boolean cancelled; // from below: nobody listens any more

  /**
   * What happens beside the steps.
   *
   * @param prefetch batches held ready beyond the step in progress; on a GPU at least those of one
   *     step, so that it can begin before the last one is told of
   * @param after the step that was the last before: the batches begin behind it, and weights and
   *     optimizer are as it left them
   * @param evaluated whether the evaluation that may be due after that step was made; a run that is
   *     asked to stop leaves it out
   * @param held what to evaluate on; subscribed to at each evaluation
   * @param stopping asked before each step: true ends the run, with a checkpoint if there is a
   *     saver
   * @param chunksAtOnce the most that go through the model together: larger batches are taken in
   *     parts, and smaller ones where the device's memory does not suffice ({@code
   *     auto_find_batch_size}). Empty: batches are taken as they are, and what does not fit is an
   *     error
   */
  public record Settings(
      Schedule schedule,
      int prefetch,
      long after,
      boolean evaluated,
      Every evaluate,
      Flux<Batch> held,
      Every save,
      Optional<Saver> saver,
      BooleanSupplier stopping,
      OptionalInt chunksAtOnce) {
    /** Training alone. */
    public static Settings of(Schedule schedule) {
      return new Settings(
          schedule,
          2,
          0,
          true,
          Every.NEVER,
          Flux.empty(),
          Every.NEVER,
          Optional.empty(),
          () -> false,
          OptionalInt.empty());
    }

    public Settings prefetch(int batches) {
      return new Settings(
          schedule, batches, after, evaluated, evaluate, held, save, saver, stopping, chunksAtOnce);
    }

    public Settings after(long step, boolean evaluated) {
      return new Settings(
          schedule, prefetch, step, evaluated, evaluate, held, save, saver, stopping, chunksAtOnce);
    }

    public Settings evaluate(Every when, Flux<Batch> on) {
      return new Settings(
          schedule, prefetch, after, evaluated, when, on, save, saver, stopping, chunksAtOnce);
    }

    public Settings save(Every when, Saver by) {
      return new Settings(
          schedule,
          prefetch,
          after,
          evaluated,
          evaluate,
          held,
          when,
          Optional.of(by),
          stopping,
          chunksAtOnce);
    }

    public Settings stopWhen(BooleanSupplier asked) {
      return new Settings(
          schedule, prefetch, after, evaluated, evaluate, held, save, saver, asked, chunksAtOnce);
    }

    public Settings chunksAtOnce(int most) {
      return new Settings(
          schedule,
          prefetch,
          after,
          evaluated,
          evaluate,
          held,
          save,
          saver,
          stopping,
          OptionalInt.of(most));
    }

    public Settings {
      if (prefetch < 1) {
        throw new IllegalArgumentException("prefetch must be at least 1 (got " + prefetch + ")");
      }
    }
  }

  private Train(Llama model, Optimizer optimizer, StepPlan plan, Settings settings) {
    if (settings.after() < 0 || settings.after() > plan.totalSteps()) {
      throw new IllegalArgumentException(
          "the run has %d steps and cannot go on after step %d"
              .formatted(plan.totalSteps(), settings.after()));
    }
    this.model = model;
    this.optimizer = optimizer;
    this.plan = plan;
    this.settings = settings;
  }

  public static Train on(Llama model, Optimizer optimizer, StepPlan plan, Settings settings) {
    return new Train(model, optimizer, plan, settings);
  }

  /** The events of training on these batches; may be subscribed to once. */
  @Override
  public Flux<RunEvent> apply(Flux<Batch> batches) {
    return Flux.defer(
        () -> {
          Steps steps =
              new Steps(
                  model,
                  model::forwardBackward,
                  optimizer,
                  plan,
                  settings,
                  optimizer.device().isGpu(),
                  batches);
          if (!begun.compareAndSet(null, steps)) {
            return Flux.error(new IllegalStateException("a trainer trains once: make another"));
          }
          if (tensors.isShutdown()) {
            return Flux.error(new CancellationException("the trainer was closed"));
          }
          return Flux.generate(() -> steps, this::next, Steps::close)
              // Not the service itself: Reactor would interrupt it when cancelled, inside a step.
              .subscribeOn(Schedulers.fromExecutor(task -> tensors.execute(task)))
              .doFinally(
                  end -> {
                    cancelled = true;
                    steps.cancel();
                    tensors.shutdown();
                  });
        });
  }

  /** How many batches lie ready for the next steps; on any thread. */
  public int batchesReady() {
    Steps steps = begun.get();
    return steps == null ? 0 : steps.batchesReady();
  }

  /** Ends a stream that has not ended, after the step in progress, and waits for that. */
  @Override
  public void close() {
    Steps steps = begun.get();
    if (steps != null) {
      steps.cancel();
    }
    tensors.shutdown();
    if (Thread.currentThread() == tensorThread.get()) {
      return; // its own step cannot be waited for; it ends behind this call
    }
    boolean interrupted = false;
    while (!tensors.isTerminated()) {
      try {
        tensors.awaitTermination(1, TimeUnit.DAYS);
      } catch (InterruptedException e) {
        interrupted = true; // memory in use must not be freed: go on waiting
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (steps != null) {
      steps.close();
    }
  }

  static Thread daemon(Runnable work, String name) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    return thread;
  }

  private Thread tensorThread(Runnable work) {
    Thread thread = daemon(work, "fluxtune-tensors");
    tensorThread.set(thread);
    return thread;
  }

  /** Does what comes next and tells it. Whatever goes wrong, an Error too, ends the stream. */
  private Steps next(Steps steps, SynchronousSink<RunEvent> sink) {
    RunEvent event;
    try {
      event = steps.next();
    } catch (Throwable e) {
      steps.close();
      if (!cancelled) {
        sink.error(Exceptions.unwrap(e));
      }
      return steps;
    }
    if (cancelled) {
      return steps;
    }
    if (event instanceof RunEvent.End) {
      steps.close();
      sink.next(event);
      sink.complete();
    } else {
      sink.next(event);
    }
    return steps;
  }
}
