package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.RunConfig.Scheduler;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Fixture;
import dev.fluxtune.trainer.model.Trained;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** What the weights become. */
class TrainTest {
  private static final Path GOLDEN = Path.of("src/test/resources/loop");
  private static final int VOCABULARY = 96;

  @Test
  void fiveStepsEqualPyTorchAndTransformers() throws IOException {
    JsonNode golden = new JsonMapper().readTree(Files.readAllBytes(GOLDEN.resolve("steps.json")));
    JsonNode set = golden.path("settings");
    List<Batch> batches = new ArrayList<>();
    golden.path("batches").forEach(batch -> batches.add(Fixture.batch(batch)));
    int accumulation = set.path("accumulation").intValue();
    double warmup = set.path("warmup").doubleValue();
    StepPlan plan = new StepPlan(2L * batches.size(), 2, accumulation, false, 1, -1, warmup);
    Schedule schedule =
        new Schedule(
            Scheduler.LINEAR,
            set.path("rate").doubleValue(),
            plan.warmupSteps(),
            plan.totalSteps(),
            Map.of());
    try (Rig rig = golden(set)) {
      List<RunEvent.Step> steps =
          Rig.steps(rig.train(plan, Train.Settings.of(schedule), Flux.fromIterable(batches)));
      assertThat(steps).hasSize(5).hasSameSizeAs(golden.path("steps"));
      for (int k = 0; k < steps.size(); k++) {
        equal(steps.get(k), golden.path("steps").path(k));
      }
      Map<String, float[]> expected = Fixture.floats(GOLDEN.resolve("steps.safetensors"));
      assertThat(rig.values()).hasSameSizeAs(expected);
      near(rig.values(), expected, 1e-5);
    }
  }

  private static Rig golden(JsonNode settings) {
    Fixture fixture = Fixture.of("qwen2");
    return Rig.of(
        fixture.config(),
        fixture.weights(),
        Trained.everything(),
        true,
        new Optimizer.Settings(
            settings.path("betas").path(0).doubleValue(),
            settings.path("betas").path(1).doubleValue(),
            settings.path("epsilon").doubleValue(),
            settings.path("decay").doubleValue(),
            settings.path("largest").doubleValue()));
  }

  private static void equal(RunEvent.Step step, JsonNode expected) {
    assertThat(step.trainedTokens()).isEqualTo(expected.path("trained").longValue());
    assertThat(step.learningRate()).isEqualTo(expected.path("learningRate").doubleValue());
    assertThat(step.loss().orElseThrow() / expected.path("loss").doubleValue())
        .isCloseTo(1, within(1e-5));
    double norm = expected.path("gradNorm").doubleValue();
    assertThat(norm).as("clipping does something").isGreaterThan(1.5);
    assertThat(step.gradNorm().orElseThrow() / norm).isCloseTo(1, within(1e-5));
  }

  private static void near(
      Map<String, float[]> found, Map<String, float[]> expected, double distance) {
    found.forEach(
        (name, values) ->
            assertThat(Fixture.distance(values, expected.get(name))).as(name).isLessThan(distance));
  }

  @Test
  void fourByTwoEqualsEightByOne() {
    List<Chunk> chunks = Rig.chunks(24, 40, VOCABULARY, 7);
    assertThat(chunks.stream().map(Chunk::trainedTokens).distinct().count()).isGreaterThan(12);
    Map<String, float[]> whole = trained(chunks, 8, 1, false);
    near(trained(chunks, 4, 2, false), whole, 1e-6);
  }

  @Test
  void checkpointingMakesTheSameWeights() {
    List<Chunk> chunks = Rig.chunks(12, 40, VOCABULARY, 8);
    Map<String, float[]> kept = trained(chunks, 4, 1, false);
    near(trained(chunks, 4, 1, true), kept, 1e-5);
  }

  @Test
  void theSameRunMakesTheSameBits() {
    List<Chunk> chunks = Rig.chunks(12, 40, VOCABULARY, 9);
    Map<String, float[]> first = trained(chunks, 4, 2, true);
    trained(chunks, 4, 2, true)
        .forEach((name, values) -> assertThat(values).as(name).isEqualTo(first.get(name)));
  }

  @Test
  void frozenWeightsKeepTheirBitsAndHaveNoState() {
    Fixture fixture = Fixture.of("qwen2");
    Trained last = Trained.last(1, true);
    try (Rig rig = Rig.of(fixture, last, true)) {
      Map<String, float[]> before = rig.values();
      StepPlan plan = new StepPlan(4, 2, 1, false, 1, -1, 0);
      rig.train(
          plan, Rig.settings(1e-3), Rig.epochs(Rig.chunks(4, 40, VOCABULARY, 10), 2, false, 1));
      List<String> trained = last.names(fixture.config());
      assertThat(rig.optimizer().state()).hasSize(2 * trained.size());
      rig.values()
          .forEach(
              (name, values) -> {
                if (trained.contains(name)) {
                  assertThat(values).as(name).isNotEqualTo(before.get(name));
                } else {
                  assertThat(values).as(name).isEqualTo(before.get(name));
                  assertThat(rig.optimizer().state()).doesNotContainKey("exp_avg." + name);
                }
              });
    }
  }

  @Test
  void productsInBf16WithMastersStayNearSinglePrecision() {
    List<Chunk> chunks = Rig.chunks(4, 40, VOCABULARY, 11);
    StepPlan plan = new StepPlan(4, 4, 1, false, 6, -1, 0);
    Fixture fixture = Fixture.of("qwen2");
    List<RunEvent.Step> single;
    try (Rig rig = Rig.of(fixture, Trained.everything(), true)) {
      single = Rig.steps(rig.train(plan, Rig.settings(1e-2), Rig.epochs(chunks, 4, false, 6)));
    }
    try (Rig rig = Rig.withMasters(fixture)) {
      List<RunEvent.Step> half =
          Rig.steps(rig.train(plan, Rig.settings(1e-2), Rig.epochs(chunks, 4, false, 6)));
      double expected = single.get(5).loss().orElseThrow();
      assertThat(single.get(0).loss().orElseThrow()).isGreaterThan(expected * 1.05);
      assertThat(half.get(5).loss().orElseThrow())
          .isCloseTo(expected, within(expected * 0.02))
          .isNotCloseTo(expected, within(expected * 1e-6));
    }
  }

  @Test
  void aStepWithoutTrainedTokensMovesNothingAndSaysSo() {
    Chunk silent = new Chunk(new int[] {1, 2, 3}, new int[] {-100, -100, -100}, new int[] {3});
    Chunk told = new Chunk(new int[] {1, 2, 0}, new int[] {-100, 2, -100}, new int[] {2, 1}, 1);
    try (Rig rig = Rig.tiny()) {
      Map<String, float[]> before = rig.values();
      List<Map<String, float[]>> after = new ArrayList<>();
      List<RunEvent.Step> steps =
          Rig.steps(
              rig.train(
                  new StepPlan(2, 1, 1, false, 1, -1, 0),
                  Rig.settings(1e-2)
                      .save(
                          Every.steps(1),
                          step -> {
                            after.add(rig.values());
                            return Path.of("nowhere");
                          }),
                  Flux.just(silent, told)
                      .map(chunk -> Batch.stack(List.of(chunk), OptionalInt.empty()))));
      assertThat(steps.get(0).loss()).isEmpty();
      assertThat(steps.get(0).gradNorm()).isEmpty();
      assertThat(steps.get(0).trainedTokens()).isZero();
      assertThat(steps.get(0).tokens()).isEqualTo(3);
      assertThat(steps.get(1).loss()).isPresent();
      assertThat(steps.get(1).tokens()).isEqualTo(2); // padding is none
      after.get(0).forEach((name, values) -> assertThat(values).isEqualTo(before.get(name)));
      assertThat(after.get(1).get("lm_head.weight")).isNotEqualTo(before.get("lm_head.weight"));
    }
  }

  private static Map<String, float[]> trained(
      List<Chunk> chunks, int batchSize, int accumulation, boolean checkpointing) {
    try (Rig rig = Rig.of(Fixture.of("qwen2"), Trained.everything(), checkpointing)) {
      StepPlan plan = new StepPlan(chunks.size(), batchSize, accumulation, false, 1, -1, 0);
      List<RunEvent> events =
          rig.train(plan, Rig.settings(1e-3), Rig.epochs(chunks, batchSize, false, 1));
      assertThat(Rig.steps(events)).hasSize((int) plan.totalSteps());
      return rig.values();
    }
  }
}
