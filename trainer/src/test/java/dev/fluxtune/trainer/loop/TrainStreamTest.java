package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.NativeMemory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;
import reactor.test.publisher.TestPublisher;

/** What goes through the operator, and what becomes of it when it is cancelled or closed. */
class TrainStreamTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final List<Chunk> CHUNKS = Rig.chunks(20, 6, 8, 3);
  private static final StepPlan PLAN = new StepPlan(20, 1, 1, false, 1, -1, 0);

  static IntStream seeds() {
    return IntStream.range(0, 30);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void stepsAreThoseOfThePlan(int seed) {
    Random random = new Random(seed);
    int count = 1 + random.nextInt(13);
    int batchSize = 1 + random.nextInt(4);
    int accumulation = 1 + random.nextInt(3);
    boolean dropLast = count >= batchSize && random.nextBoolean();
    double epochs = random.nextBoolean() ? 1 + random.nextInt(3) : 0.3 + 2 * random.nextDouble();
    long maxSteps = random.nextInt(3) == 0 ? 1 + random.nextInt(9) : -1;
    StepPlan plan = new StepPlan(count, batchSize, accumulation, dropLast, epochs, maxSteps, 0);
    List<Chunk> chunks = CHUNKS.subList(0, count);
    AtomicLong taken = new AtomicLong();
    try (Rig rig = Rig.tiny()) {
      List<RunEvent> events =
          rig.train(
              plan,
              Rig.settings(1e-3),
              Rig.epochs(chunks, batchSize, dropLast, plan.epochsBegun())
                  .doOnNext(batch -> taken.incrementAndGet()));
      List<RunEvent.Step> steps = Rig.steps(events);
      assertThat(steps).as(plan.toString()).hasSize((int) plan.totalSteps());
      assertThat(events.get(events.size() - 1))
          .isEqualTo(new RunEvent.End(plan.totalSteps(), false));
      assertThat(taken).as(plan.toString()).hasValue(plan.microBatches(plan.totalSteps()));

      // An epoch's steps train an epoch's tokens, and its last step ends on a whole epoch.
      long perEpoch = plan.stepsPerEpoch();
      if (!dropLast && plan.totalSteps() >= perEpoch) {
        assertThat(steps.stream().limit(perEpoch).mapToLong(RunEvent.Step::trainedTokens).sum())
            .isEqualTo(chunks.stream().mapToLong(Chunk::trainedTokens).sum());
      }
      for (int k = 0; k < steps.size(); k++) {
        assertThat(steps.get(k).step()).isEqualTo(k + 1);
        double epoch = steps.get(k).epoch();
        if ((k + 1) % perEpoch == 0) {
          assertThat(epoch).isEqualTo((k + 1.0) / perEpoch);
        } else {
          assertThat(epoch % 1).isPositive();
        }
      }
    }
  }

  @Test
  void asksForAStepAndThePrefetchAndNoMore() {
    TestPublisher<Batch> source = TestPublisher.create();
    AtomicLong asked = new AtomicLong();
    Flux<Batch> batches = source.flux().doOnRequest(asked::addAndGet);
    StepPlan plan = new StepPlan(10, 1, 3, false, 1, -1, 0); // micro-batches 3, 3, 3, 1
    try (Rig rig = Rig.tiny();
        Train train = Train.on(rig.model(), rig.optimizer(), plan, Rig.settings(0).prefetch(2))) {
      StepVerifier.create(batches.transform(train), 0)
          .expectSubscription()
          .then(() -> assertThat(asked).as("before anything is wanted").hasValue(0))
          .then(() -> assertThat(train.batchesReady()).isEqualTo(0))
          .thenRequest(1)
          .then(() -> emit(source, 2, asked, 2)) // asked for, before they come
          .then(() -> emit(source, 1, asked, 2 + 2))
          .assertNext(event -> assertThat(event.step()).isEqualTo(1))
          .then(() -> emit(source, 2, asked, 3 + 2))
          .thenAwait(Duration.ofMillis(50))
          .then(() -> assertThat(asked).as("without demand nothing is taken").hasValue(5))
          .then(() -> assertThat(train.batchesReady()).isEqualTo(2))
          .thenRequest(1)
          .then(() -> emit(source, 1, asked, 5 + 2))
          .assertNext(event -> assertThat(event.step()).isEqualTo(2))
          .then(() -> eventually(asked, 6 + 2))
          .thenRequest(10)
          .then(() -> emit(source, 2, asked, 6 + 2))
          .then(() -> emit(source, 1, asked, 8 + 2))
          .assertNext(event -> assertThat(event.step()).isEqualTo(3))
          .then(() -> emit(source, 1, asked, 10))
          .assertNext(event -> assertThat(event.step()).isEqualTo(4))
          .expectNext(new RunEvent.End(4, false))
          .expectComplete()
          .verify(PATIENCE);
      assertThat(asked).as("the plan's batches and no more").hasValue(10);
      assertThat(train.batchesReady()).as("the end is no batch").isEqualTo(0);
      source.assertCancelled();
    }
  }

  @Test
  void batchesAreMadeReadyWhileAStepIsMade() {
    StepPlan plan = new StepPlan(6, 1, 1, false, 1, -1, 0);
    CountDownLatch ahead = new CountDownLatch(1 + 2);
    try (Rig rig = Rig.tiny()) {
      rig.train(
          plan,
          Rig.settings(0)
              .prefetch(2)
              .save(
                  Every.steps(6),
                  step -> {
                    throw new AssertionError("never reached before the latch");
                  })
              .save(
                  Every.steps(1),
                  step -> {
                    assertThat(await(ahead)).as("two more, while we are here").isTrue();
                    return Path.of("nowhere");
                  }),
          batches(1).doOnNext(batch -> ahead.countDown()));
    }
  }

  @Test
  void cancellingEndsAfterTheStepInProgressAndFreesTheGradients() {
    try (Rig rig = Rig.tiny()) {
      int before = NativeMemory.arrays();
      CountDownLatch inside = new CountDownLatch(1);
      CountDownLatch go = new CountDownLatch(1);
      AtomicBoolean interrupted = new AtomicBoolean();
      AtomicBoolean finished = new AtomicBoolean();
      AtomicBoolean upstream = new AtomicBoolean();
      AtomicInteger seen = new AtomicInteger();
      AtomicReference<Throwable> failed = new AtomicReference<>();
      try (Train train =
          Train.on(
              rig.model(),
              rig.optimizer(),
              PLAN,
              Rig.settings(1e-3)
                  .save(
                      Every.steps(3),
                      step -> {
                        assertThat(NativeMemory.arrays()).isGreaterThan(before);
                        inside.countDown();
                        interrupted.set(!await(go) || Thread.currentThread().isInterrupted());
                        finished.set(true);
                        return Path.of("nowhere");
                      }))) {
        Disposable run =
            batches(1)
                .doOnCancel(() -> upstream.set(true))
                .transform(train)
                .subscribe(event -> seen.incrementAndGet(), failed::set);
        assertThat(await(inside)).isTrue();
        run.dispose();
        assertThat(upstream).isTrue();
        assertThat(finished).as("cancelling does not wait").isFalse();
        go.countDown();
      }
      assertThat(finished).as("closing does").isTrue();
      assertThat(interrupted).isFalse();
      assertThat(seen).hasValue(3);
      assertThat(failed).hasValue(null);
      assertThat(NativeMemory.arrays()).isEqualTo(before);
    }
  }

  @Test
  void cancellingWakesWhoWaitsForABatch() {
    try (Rig rig = Rig.tiny()) {
      int before = NativeMemory.arrays();
      AtomicInteger seen = new AtomicInteger();
      AtomicReference<Throwable> failed = new AtomicReference<>();
      try (Train train = Train.on(rig.model(), rig.optimizer(), PLAN, Rig.settings(1e-3))) {
        Disposable run =
            batches(1)
                .take(2)
                .concatWith(Flux.never())
                .transform(train)
                .subscribe(event -> seen.incrementAndGet(), failed::set);
        eventually(seen, 2);
        run.dispose();
      }
      assertThat(failed).hasValue(null);
      assertThat(NativeMemory.arrays()).isEqualTo(before);
    }
  }

  @Test
  @SuppressWarnings("try") // closed inside the stream too, as a user may
  void whoTakesAFewStepsCancelsInsideTheTrainersThread() {
    try (Rig rig = Rig.tiny()) {
      int before = NativeMemory.arrays();
      try (Train train = Train.on(rig.model(), rig.optimizer(), PLAN, Rig.settings(1e-3))) {
        StepVerifier.create(batches(1).transform(train).take(3).doFinally(end -> train.close()))
            .expectNextCount(3)
            .expectComplete()
            .verify(PATIENCE);
      }
      assertThat(NativeMemory.arrays()).isEqualTo(before);
    }
  }

  @Test
  void closingATrainerThatTrainsIsAnErrorInItsStream() {
    try (Rig rig = Rig.tiny()) {
      int before = NativeMemory.arrays();
      Sinks.One<RunEvent> failure = Sinks.one();
      AtomicInteger seen = new AtomicInteger();
      Train train = Train.on(rig.model(), rig.optimizer(), PLAN, Rig.settings(1e-3));
      Disposable run =
          batches(1)
              .take(2)
              .concatWith(Flux.never())
              .transform(train)
              .subscribe(event -> seen.incrementAndGet(), failure::tryEmitError);
      eventually(seen, 2);
      train.close();
      assertThat(NativeMemory.arrays()).isEqualTo(before);
      StepVerifier.create(failure.asMono())
          .expectError(CancellationException.class)
          .verify(PATIENCE);
      assertThat(run.isDisposed()).isTrue();
    }
  }

  @Test
  void closingItInsideAStepIsTheSameErrorBehindIt() {
    AtomicReference<Train> itself = new AtomicReference<>();
    Train.Settings settings =
        Rig.settings(1e-3)
            .save(
                Every.steps(1),
                step -> {
                  itself.get().close();
                  return Path.of("nowhere");
                });
    try (Rig rig = Rig.tiny();
        Train train = Train.on(rig.model(), rig.optimizer(), PLAN, settings)) {
      itself.set(train);
      StepVerifier.create(batches(1).transform(train))
          .expectNextCount(2)
          .expectError(CancellationException.class)
          .verify(PATIENCE);
    }
  }

  private static Flux<Batch> batches(int size) {
    return Rig.epochs(CHUNKS, size, false, 1);
  }

  private static void emit(
      TestPublisher<Batch> source, int count, AtomicLong asked, long expected) {
    eventually(asked, expected);
    // The counter is told of a request before the source is, which fails where nothing is asked.
    eventually(() -> source.assertMinRequested(count));
    for (int n = 0; n < count; n++) {
      source.next(Batch.stack(CHUNKS.subList(n, n + 1), OptionalInt.empty()));
    }
  }

  private static boolean await(CountDownLatch latch) {
    try {
      return latch.await(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      return false;
    }
  }

  private static void eventually(Number counter, long expected) {
    eventually(() -> assertThat(counter.longValue()).isEqualTo(expected));
  }

  private static void eventually(Runnable assertion) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        assertion.run();
        return;
      } catch (AssertionError e) {
        if (System.nanoTime() > end) {
          throw e;
        }
        Thread.onSpinWait();
      }
    }
  }
}
