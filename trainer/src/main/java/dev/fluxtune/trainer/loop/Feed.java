package dev.fluxtune.trainer.loop;

import dev.fluxtune.schemas.Batch;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import org.reactivestreams.Subscription;
import reactor.core.Exceptions;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Signal;
import reactor.core.scheduler.Schedulers;

/**
 * The next batches, made ready on a thread of their own for one thread that takes them: the only
 * place where the trainer asks for data. It asks for what it may hold and then, for each batch
 * taken, for one more; never for more than are needed.
 */
final class Feed extends BaseSubscriber<Batch> {
  private final BlockingQueue<Signal<Batch>> arrived = new LinkedBlockingQueue<>();
  private final ExecutorService thread = Executors.newSingleThreadExecutor(this::thread);
  private final int prefetch;
  private long unasked;

  /**
   * @param prefetch batches held ready, at most
   * @param needed batches that will be taken, at most; at least 1
   */
  Feed(int prefetch, long needed) {
    this.prefetch = (int) Math.min(prefetch, needed);
    this.unasked = needed - this.prefetch;
  }

  void from(Flux<Batch> batches) {
    // Not the service itself: Reactor would interrupt it when cancelled, inside a read.
    batches.subscribeOn(Schedulers.fromExecutor(task -> thread.execute(task))).subscribe(this);
  }

  private Thread thread(Runnable work) {
    Thread made = Train.daemon(work, "fluxtune-batches");
    // Reactor signals no LinkageError or OutOfMemoryError: whoever waits here would wait forever.
    made.setUncaughtExceptionHandler((thrower, error) -> hookOnError(error));
    return made;
  }

  @Override
  protected void hookOnSubscribe(Subscription subscription) {
    subscription.request(prefetch);
  }

  @Override
  protected void hookOnNext(Batch batch) {
    arrived.add(Signal.next(batch));
  }

  @Override
  protected void hookOnComplete() {
    arrived.add(Signal.complete());
  }

  @Override
  protected void hookOnError(Throwable error) {
    arrived.add(Signal.error(error));
  }

  /** Cancels the source; whoever waits is told that there is no more. */
  void stop() {
    cancel();
    arrived.add(Signal.complete());
    thread.shutdown();
  }

  /** Batches that have arrived and were not taken; on any thread. */
  int ready() {
    return (int) arrived.stream().filter(Signal::isOnNext).count();
  }

  /** Waits for the next batch. Empty if there is none; what the source failed with is thrown. */
  Optional<Batch> take() {
    Signal<Batch> next;
    try {
      next = arrived.take();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while waiting for a batch");
    }
    if (next.isOnNext()) {
      if (unasked > 0) {
        unasked--;
        request(1);
      }
      return Optional.of(Objects.requireNonNull(next.get()));
    }
    arrived.add(next); // for the next who asks
    if (next.isOnError()) {
      throw Exceptions.propagate(Objects.requireNonNull(next.getThrowable()));
    }
    return Optional.empty();
  }
}
