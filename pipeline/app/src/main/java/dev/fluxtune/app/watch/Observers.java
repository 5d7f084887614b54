package dev.fluxtune.app.watch;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import reactor.core.Disposable;
import reactor.core.publisher.BufferOverflowStrategy;
import reactor.core.publisher.SignalType;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * Hands what a run tells to each observer, on a thread of its own. One that lags loses the oldest
 * of it, and samples that are too large to wait; one that fails is left out from there on; the run
 * neither waits nor fails, and says so.
 */
public final class Observers implements AutoCloseable {
  /** News that wait for an observer at most; one takes less than a kilobyte, but for samples. */
  static final int HELD = 4096;

  /** Samples that wait for an observer at most, in bytes. */
  static final long HELD_SAMPLES = 48 << 20;

  private final Sinks.Many<News> news = Sinks.many().multicast().directBestEffort();
  private final List<Watching> watching = new ArrayList<>();
  private final Consumer<String> told;
  private final Duration patience;

  /** A method of an observer. */
  private interface Told {
    void to(Observer observer) throws IOException;
  }

  /**
   * Something to tell.
   *
   * @param bytes of samples
   */
  private record News(Told it, long bytes) {}

  /** An observer, and what became of it. */
  private record Watching(
      Observer observer,
      Scheduler thread,
      Disposable subscription,
      AtomicLong lost,
      CountDownLatch over) {}

  /**
   * @param told is told of observers that lag or fail, and of what they wrote, on any thread
   * @param patience how long {@link #close} waits for them
   */
  Observers(List<? extends Observer> observers, Consumer<String> told, Duration patience) {
    this.told = told;
    this.patience = patience;
    observers.forEach(it -> watching.add(begin(it)));
  }

  /**
   * Opens those that a configuration asks for.
   *
   * @param more are open already, and closed with the others
   * @throws BadInputException if a file of theirs cannot be written
   */
  public static Observers open(
      WatchedRun run, List<String> reportTo, List<? extends Observer> more, Consumer<String> told) {
    List<Observer> observers = new ArrayList<>(more);
    try {
      observers.add(JsonLines.open(run)); // always
      if (reportTo.contains(TensorBoard.NAME)) {
        observers.add(TensorBoard.open(run));
      }
      if (reportTo.contains(Wandb.NAME)) {
        Wandb.open(run, System.getenv(), told).ifPresent(observers::add);
      }
      return new Observers(observers, told, Duration.ofSeconds(10));
    } catch (BadInputException e) {
      observers.forEach(it -> closeQuietly(it, e));
      throw e;
    }
  }

  private static void closeQuietly(Observer observer, BadInputException cause) {
    try {
      observer.failed(cause.getMessage());
      observer.close();
    } catch (IOException | BadInputException e) {
      cause.addSuppressed(e);
    }
  }

  private Watching begin(Observer observer) {
    Scheduler thread = Schedulers.newSingle("observer-" + observer.name(), true);
    AtomicLong lost = new AtomicLong();
    AtomicLong held = new AtomicLong();
    CountDownLatch over = new CountDownLatch(1);
    Disposable subscription =
        news.asFlux()
            .filter(it -> fits(it, held, lost))
            .onBackpressureBuffer(
                HELD,
                it -> {
                  held.addAndGet(-it.bytes());
                  lost.incrementAndGet();
                },
                BufferOverflowStrategy.DROP_OLDEST)
            .publishOn(thread, 1)
            .doOnNext(
                it -> {
                  tell(observer, it);
                  held.addAndGet(-it.bytes());
                })
            .doFinally(
                end -> {
                  if (end != SignalType.CANCEL) { // amid a write nobody else may close it
                    end(observer);
                    over.countDown();
                  }
                })
            .subscribe(it -> {}, failure -> failed(observer, failure));
    return new Watching(observer, thread, subscription, lost, over);
  }

  /** Takes room for it. Samples for which there is none are lost; what is no sample has room. */
  private static boolean fits(News news, AtomicLong held, AtomicLong lost) {
    if (news.bytes() > 0 && held.get() + news.bytes() > HELD_SAMPLES) {
      lost.incrementAndGet();
      return false;
    }
    held.addAndGet(news.bytes());
    return true;
  }

  private static void tell(Observer observer, News news) {
    try {
      news.it().to(observer);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void end(Observer observer) {
    try {
      observer.close();
    } catch (IOException | RuntimeException e) {
      failed(observer, e);
    }
  }

  private void failed(Observer observer, Throwable failure) {
    if (failure instanceof BadInputException it) { // which says all that there is to say
      told.accept(it.getMessage());
      return;
    }
    Throwable cause = failure.getCause();
    String reason =
        failure instanceof IOException it
            ? Reason.of(it)
            : cause instanceof IOException it ? Reason.of(it) : failure.toString();
    told.accept(
        "report_to: %s ended early (%s); the run goes on without it"
            .formatted(observer.name(), reason));
  }

  /** Takes what happened; never waits. One thread at a time, as for the other. */
  public void happened(RunEvent event) {
    tell(observer -> observer.happened(event), 0);
  }

  /** Takes that the run failed, and why; never waits. */
  public void failed(String why) {
    tell(observer -> observer.failed(why), 0);
  }

  /** Takes what was logged; never waits. */
  public void logged(TrainerState.Log log) {
    tell(observer -> observer.logged(log), 0);
  }

  /** Takes what was sampled; never waits. */
  public void sampled(Sampled samples) {
    tell(observer -> observer.sampled(samples), samples.bytes());
  }

  private void tell(Told it, long bytes) {
    news.tryEmitNext(new News(it, bytes));
  }

  /** Waits until all is written, but not long for one that stalls. */
  @Override
  public void close() {
    news.tryEmitComplete();
    long end = System.nanoTime() + patience.toNanos();
    for (Watching it : watching) {
      if (!over(it, end)) {
        told.accept(
            "report_to: %s has not written all and is waited for no longer"
                .formatted(it.observer().name()));
      }
      if (it.lost().get() > 0) {
        told.accept(
            "report_to: %s was too slow and lacks %,d events"
                .formatted(it.observer().name(), it.lost().get()));
      }
      it.subscription().dispose();
      it.thread().dispose();
    }
  }

  private static boolean over(Watching it, long end) {
    try {
      return it.over().await(end - System.nanoTime(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
