package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Llama;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

/** What a run does between its steps, and where it begins and ends. */
class TrainEventsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final List<Chunk> CHUNKS = Rig.chunks(20, 6, 8, 3);

  @Test
  void logThenEvaluateThenSave() {
    StepPlan plan = new StepPlan(10, 2, 1, false, 1, -1, 0);
    List<Long> savedAfter = new ArrayList<>();
    AtomicInteger evaluations = new AtomicInteger();
    Flux<Batch> held = batches(3).doOnSubscribe(s -> evaluations.incrementAndGet());
    try (Rig rig = Rig.tiny()) {
      List<RunEvent> events =
          rig.train(
              plan,
              Rig.settings(1e-3)
                  .evaluate(Every.steps(2), held)
                  .save(
                      Every.EPOCH,
                      step -> {
                        savedAfter.add(step.step());
                        return Path.of("checkpoint-" + step.step());
                      }),
              batches(2));
      assertThat(events.stream().map(e -> e.getClass().getSimpleName() + e.step()))
          .containsExactly(
              "Step1",
              "Step2",
              "Evaluation2",
              "Step3",
              "Step4",
              "Evaluation4",
              "Step5",
              "Evaluation5",
              "Saved5",
              "End5");
      assertThat(savedAfter).containsExactly(5L);
      assertThat(evaluations).hasValue(3);
      RunEvent.Evaluation last = (RunEvent.Evaluation) events.get(7);
      Llama.Scores expected = Llama.Scores.NONE;
      long trained = 0;
      for (Batch batch : batches(3).collectList().blockOptional().orElseThrow()) {
        expected = expected.plus(rig.model().scores(batch));
        trained += batch.trainedTokens();
      }
      assertThat(last.trainedTokens()).isEqualTo(trained);
      assertThat(last.loss()).isCloseTo(expected.loss() / trained, within(1e-12));
      assertThat(last.accuracy()).isEqualTo(expected.hits() / trained).isBetween(0.0, 1.0);
      assertThat(last.entropy()).isCloseTo(expected.entropy() / trained, within(1e-12));
      assertThat(last.chunks()).isEqualTo(20);
      assertThat(last.microBatches()).isEqualTo(7);
      assertThat(events.get(8))
          .isInstanceOfSatisfying(
              RunEvent.Saved.class,
              saved -> assertThat(saved.folder()).isEqualTo(Path.of("checkpoint-5")));
    }
  }

  @Test
  void aStepTellsHowLongItWaitedForItsBatches() {
    Duration late = Duration.ofMillis(100);
    StepPlan plan = new StepPlan(2, 1, 1, false, 1, -1, 0);
    try (Rig rig = Rig.tiny()) {
      Flux<Batch> one = batches(1).take(1);
      RunEvent.Step step =
          Rig.steps(rig.train(plan, Rig.settings(0), one.concatWith(one.delaySubscription(late))))
              .get(1);
      assertThat(step.waited()).isBetween(late.dividedBy(2), step.elapsed());
    }
  }

  @Test
  void rowsWithoutTargetsCannotBeEvaluatedOn() {
    Chunk silent = new Chunk(new int[] {1, 2}, new int[] {-100, -100}, new int[] {2});
    try (Rig rig = Rig.tiny()) {
      assertThatThrownBy(
              () ->
                  rig.train(
                      new StepPlan(20, 1, 1, false, 1, -1, 0),
                      Rig.settings(0)
                          .evaluate(
                              Every.steps(1),
                              Flux.just(Batch.stack(List.of(silent), OptionalInt.empty()))),
                      batches(1)))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("no trained token");
    }
  }

  @Test
  void whenAskedToStopItFinishesTheStepSavesAndEnds() {
    StepPlan plan = new StepPlan(20, 1, 1, false, 1, -1, 0);
    AtomicBoolean stop = new AtomicBoolean();
    AtomicInteger saves = new AtomicInteger();
    Saver saver =
        step -> {
          saves.incrementAndGet();
          return Path.of("checkpoint-" + step.step());
        };
    try (Rig rig = Rig.tiny();
        Train train =
            Train.on(
                rig.model(),
                rig.optimizer(),
                plan,
                Rig.settings(1e-3)
                    .evaluate(Every.steps(3), batches(1))
                    .save(Every.NEVER, saver)
                    .stopWhen(stop::get))) {
      StepVerifier.create(
              batches(1)
                  .transform(train)
                  .doOnNext(event -> stop.compareAndSet(false, event.step() == 3)))
          .expectNextCount(3)
          .expectNextMatches(event -> event instanceof RunEvent.Saved && event.step() == 3)
          .expectNext(new RunEvent.End(3, true))
          .expectComplete()
          .verify(PATIENCE);
      assertThat(saves).hasValue(1);
    }
  }

  @Test
  void theEvaluationThatAStopLeftOutIsMadeWhereItGoesOn() {
    StepPlan plan = new StepPlan(20, 4, 1, false, 1, -1, 0);
    for (boolean evaluated : List.of(true, false)) {
      try (Rig rig = Rig.tiny()) {
        List<RunEvent> events =
            rig.train(
                plan,
                Rig.settings(1e-3).after(4, evaluated).evaluate(Every.steps(2), batches(1)),
                batches(4).skip(4));
        assertThat(events.stream().map(e -> e.getClass().getSimpleName() + e.step()))
            .containsExactlyElementsOf(
                evaluated
                    ? List.of("Step5", "Evaluation5", "End5")
                    : List.of("Evaluation4", "Step5", "Evaluation5", "End5"));
      }
    }
  }

  @Test
  void goingOnAfterAStepEqualsAStraightRun() {
    StepPlan plan = new StepPlan(7, 1, 2, false, 2, -1, 0); // 4 steps an epoch, the last one short
    Flux<Batch> all = Rig.epochs(CHUNKS.subList(0, 7), 1, false, 2);
    int before = 5;
    try (Rig straight = Rig.tiny();
        Rig resumed = Rig.tiny()) {
      List<RunEvent.Step> steps = Rig.steps(straight.train(plan, Rig.settings(1e-2), all));
      StepPlan part = new StepPlan(7, 1, 2, false, 2, before, 0);
      resumed.train(part, Rig.settings(1e-2), all);
      List<RunEvent.Step> rest =
          Rig.steps(
              resumed.train(
                  plan,
                  Rig.settings(1e-2).after(before, true),
                  all.skip(plan.microBatches(before))));
      assertThat(rest).hasSize(3);
      for (int k = 0; k < 3; k++) {
        assertThat(rest.get(k).step()).isEqualTo(before + k + 1);
        assertThat(rest.get(k).epoch()).isEqualTo(steps.get(before + k).epoch());
        assertThat(rest.get(k).loss()).isEqualTo(steps.get(before + k).loss());
      }
      Map<String, float[]> expected = straight.values();
      resumed
          .values()
          .forEach((name, values) -> assertThat(values).as(name).isEqualTo(expected.get(name)));
    }
  }

  @Test
  void aFinishedRunGoesOnToItsEnd() {
    StepPlan plan = new StepPlan(4, 1, 1, false, 1, -1, 0);
    try (Rig rig = Rig.tiny()) {
      assertThat(rig.train(plan, Rig.settings(0).after(4, true), Flux.never()))
          .containsExactly(new RunEvent.End(4, false));
      assertThatThrownBy(() -> rig.train(plan, Rig.settings(0).after(5, true), Flux.never()))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void aClosedTrainerSaysSoWhereItIsToTrain() {
    StepPlan plan = new StepPlan(10, 2, 1, false, 1, -1, 0);
    try (Rig rig = Rig.tiny()) {
      Train train = Train.on(rig.model(), rig.optimizer(), plan, Rig.settings(1e-3));
      train.close();
      StepVerifier.create(batches(2).transform(train))
          .expectErrorMessage("the trainer was closed")
          .verify(PATIENCE);
    }
  }

  @Test
  void aTrainerTrainsOnce() {
    StepPlan plan = new StepPlan(4, 1, 1, false, 1, -1, 0);
    try (Rig rig = Rig.tiny();
        Train train = Train.on(rig.model(), rig.optimizer(), plan, Rig.settings(0))) {
      Flux<RunEvent> events = batches(1).transform(train);
      StepVerifier.create(events).expectNextCount(5).expectComplete().verify(PATIENCE);
      StepVerifier.create(events).expectError(IllegalStateException.class).verify(PATIENCE);
    }
  }

  private static Flux<Batch> batches(int size) {
    return Rig.epochs(CHUNKS, size, false, 1);
  }
}
