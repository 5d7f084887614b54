package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.NativeMemory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

/** What becomes of a run when its batches, a checkpoint or the trainer's thread fail. */
class TrainErrorsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final List<Chunk> CHUNKS = Rig.chunks(20, 6, 8, 3);
  private static final StepPlan PLAN = new StepPlan(20, 1, 1, false, 1, -1, 0);

  @Test
  void anErrorOfTheSourceEndsTheRunBehindTheStepsItLeaves() {
    IllegalStateException broken = new IllegalStateException("broken row");
    ends(batches().take(3).concatWith(Flux.error(broken)), Rig.settings(0), 3, broken);
  }

  @Test
  void anErrorThatReactorDoesNotSignalEndsTheRunToo() {
    LinkageError broken = new NoClassDefFoundError("in the source");
    AtomicInteger n = new AtomicInteger();
    ends(
        batches()
            .doOnNext(
                batch -> {
                  if (n.incrementAndGet() == 4) {
                    throw broken;
                  }
                }),
        Rig.settings(0),
        3,
        broken);
  }

  @Test
  void anErrorInTheTrainersThreadEndsTheRun() {
    for (Error error : List.of(new UnsatisfiedLinkError("native"), new OutOfMemoryError("heap"))) {
      Train.Settings settings =
          Rig.settings(0)
              .stopWhen(
                  () -> {
                    throw error;
                  });
      ends(batches(), settings, 0, error);
      ends(
          batches(),
          Rig.settings(0)
              .save(
                  Every.steps(2),
                  step -> {
                    throw error;
                  }),
          2,
          error);
    }
  }

  @Test
  void aCheckpointThatCannotBeWrittenEndsTheRun() {
    IOException full = new IOException("No space left on device");
    try (Rig rig = Rig.tiny()) {
      assertThatThrownBy(
              () ->
                  rig.train(
                      PLAN,
                      Rig.settings(0)
                          .save(
                              Every.steps(2),
                              step -> {
                                throw full;
                              }),
                      batches()))
          .isInstanceOf(UncheckedIOException.class)
          .hasCause(full);
    }
  }

  @Test
  void batchesThatEndEarlyAreAnErrorWithBothNumbers() {
    try (Rig rig = Rig.tiny()) {
      StepPlan plan = new StepPlan(20, 1, 2, false, 1, -1, 0);
      assertThatThrownBy(() -> rig.train(plan, Rig.settings(0), batches().take(7)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("after 7 of the 20")
          .hasMessageContaining("step 4 of 10");
    }
  }

  /** The run makes {@code steps} steps, then ends with exactly this error and nothing held. */
  private static void ends(
      Flux<Batch> batches, Train.Settings settings, int steps, Throwable error) {
    try (Rig rig = Rig.tiny()) {
      int before = NativeMemory.arrays();
      try (Train train = Train.on(rig.model(), rig.optimizer(), PLAN, settings)) {
        StepVerifier.create(batches.transform(train))
            .expectNextCount(steps)
            .expectErrorMatches(found -> found == error)
            .verify(PATIENCE);
        assertThat(NativeMemory.arrays()).isEqualTo(before);
      }
    }
  }

  private static Flux<Batch> batches() {
    return Rig.epochs(CHUNKS, 1, false, 1);
  }
}
