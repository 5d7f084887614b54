package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.engine.EngineException;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Fixture;
import dev.fluxtune.trainer.model.Trained;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** A step that begins before the last one is told of, as on a GPU. */
class OverlapTest {
  private static final int STEPS = 6;
  private static final List<Chunk> CHUNKS = Rig.chunks(2 * STEPS, 16, 96, 3);
  private static final StepPlan PLAN = new StepPlan(2 * STEPS, 2, 1, false, 1, -1, 0);

  /** Passes, and the events as they are told. */
  private final List<String> log = new ArrayList<>();

  private final List<RunEvent> events = new ArrayList<>();

  private Map<String, float[]> train(boolean overlapping, Train.Settings settings) {
    return train(overlapping, settings, STEPS, batch -> {});
  }

  /** Trains on two chunks at a time; the source fails behind {@code whole} steps. */
  private Map<String, float[]> train(
      boolean overlapping, Train.Settings settings, int whole, Consumer<Batch> failing) {
    Flux<Batch> batches =
        Rig.epochs(CHUNKS.subList(0, 2 * whole), 2, false, 1)
            .concatWith(
                whole < STEPS ? Flux.error(new IllegalStateException("row 7")) : Flux.empty());
    AtomicReference<Steps> running = new AtomicReference<>();
    try (Rig rig = Rig.of(Fixture.of("qwen2"), Trained.everything(), true);
        Steps steps =
            rig.steps(
                (batch, scale, into, number) -> {
                  while (number + 1 < whole && running.get().batchesReady() == 0) {
                    Thread.onSpinWait();
                  }
                  log.add("pass " + ((int) number + 1)); // the upper half: which part of it
                  rig.model().forwardBackward(batch, scale, into, number);
                  failing.accept(batch);
                },
                PLAN,
                settings,
                overlapping,
                batches)) {
      running.set(steps);
      do {
        RunEvent event = steps.next();
        log.add(event.getClass().getSimpleName() + " " + event.step());
        events.add(event);
      } while (!(events.get(events.size() - 1) instanceof RunEvent.End));
      return rig.values();
    }
  }

  private static Train.Settings settings() {
    return Rig.settings(1e-2);
  }

  @Test
  void beginsBeforeTheLastOneIsToldOfAndMakesTheSame() {
    Map<String, float[]> expected = train(false, settings());
    List<RunEvent.Step> straight = Rig.steps(events);
    assertThat(log.subList(0, 4)).containsExactly("pass 1", "Step 1", "pass 2", "Step 2");
    log.clear();
    events.clear();
    Map<String, float[]> found = train(true, settings());
    assertThat(log)
        .containsExactly(
            "pass 1", "pass 2", "Step 1", "pass 3", "Step 2", "pass 4", "Step 3", "pass 5",
            "Step 4", "pass 6", "Step 5", "Step 6", "End 6");
    found.forEach((name, values) -> assertThat(values).containsExactly(expected.get(name)));
    for (int i = 0; i < STEPS; i++) {
      RunEvent.Step step = Rig.steps(events).get(i);
      assertThat(step.loss()).isEqualTo(straight.get(i).loss());
      assertThat(step.gradNorm()).isEqualTo(straight.get(i).gradNorm());
      assertThat(step.trainedTokens()).isEqualTo(straight.get(i).trainedTokens());
    }
  }

  @Test
  void nothingBeginsBeforeAnEvaluationOrACheckpoint() {
    Batch held = Batch.stack(CHUNKS, OptionalInt.empty());
    train(
        true,
        settings()
            .evaluate(Every.steps(2), Flux.just(held))
            .save(Every.steps(3), last -> Path.of("checkpoint-" + last.step())));
    assertThat(log)
        .containsExactly(
            "pass 1",
            "pass 2",
            "Step 1",
            "Step 2",
            "Evaluation 2",
            "pass 3",
            "Step 3",
            "Saved 3",
            "pass 4",
            "Step 4",
            "Evaluation 4",
            "pass 5",
            "pass 6",
            "Step 5",
            "Step 6",
            "Evaluation 6",
            "Saved 6",
            "End 6");
  }

  @Test
  void aStopKeepsTheStepThatHasBegun() {
    train(
        true,
        settings()
            .stopWhen(() -> log.contains("Step 2"))
            .save(Every.steps(100), last -> Path.of("checkpoint-" + last.step())));
    assertThat(log)
        .containsExactly(
            "pass 1", "pass 2", "Step 1", "pass 3", "Step 2", "Step 3", "Saved 3", "End 3");
  }

  @Test
  void whatItFailedWithIsToldInItsTurn() {
    assertThatThrownBy(() -> train(true, settings(), 3, batch -> {})).hasMessage("row 7");
    assertThat(log).contains("Step 3").doesNotContain("pass 4");
  }

  @Test
  void memoryThatDoesNotSufficeIsToldInItsTurnAndTheStepMadeAgain() {
    train(
        true,
        settings().chunksAtOnce(2),
        STEPS,
        batch -> {
          if (batch.size() == 2 && log.contains("pass 3")) {
            throw new EngineException("CUDA out of memory");
          }
        });
    assertThat(log.subList(0, 9))
        .containsExactly(
            "pass 1",
            "pass 2",
            "Step 1",
            "pass 3",
            "Step 2",
            "OutOfMemory 3",
            "pass 3",
            "pass 3",
            "pass 4");
    assertThat(Rig.steps(events)).hasSize(STEPS);
  }

  @Test
  void aStopSavesTheLastStepThoughTheNextOneHadNoMemory() {
    train(
        true,
        settings()
            .stopWhen(() -> log.contains("Step 2"))
            .save(Every.steps(100), last -> Path.of("checkpoint-" + last.step())),
        STEPS,
        batch -> {
          if (log.contains("pass 3")) {
            throw new EngineException("CUDA out of memory");
          }
        });
    assertThat(log)
        .containsExactly("pass 1", "pass 2", "Step 1", "pass 3", "Step 2", "Saved 2", "End 2");
  }

  @Test
  void aStepOfMoreBatchesThanThePrefetchBeginsEarlyToo() {
    StepPlan plan = new StepPlan(2 * STEPS, 1, 4, false, 1, -1, 0);
    AtomicReference<Steps> running = new AtomicReference<>();
    try (Rig rig = Rig.of(Fixture.of("qwen2"), Trained.everything(), true);
        Steps steps =
            rig.steps(
                (batch, scale, into, number) -> {
                  long until = System.nanoTime() + 2_000_000_000L;
                  while (running.get().batchesReady() < 4 && System.nanoTime() < until) {
                    Thread.onSpinWait();
                  }
                  log.add("pass " + number);
                  rig.model().forwardBackward(batch, scale, into, number);
                },
                plan,
                settings().prefetch(2),
                true,
                Rig.epochs(CHUNKS, 1, false, 1))) {
      running.set(steps);
      log.add("Step " + steps.next().step());
    }
    assertThat(log).hasSize(9).startsWith("pass 0").endsWith("pass 7", "Step 1");
  }
}
