package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.fluxtune.trainer.adapter.Lora;
import dev.fluxtune.trainer.adapter.Targets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against PEFT: the fixtures of tests/parity/make_adapters.py; and the law of dropout. */
class AdaptedTest {
  @ParameterizedTest
  @CsvSource({
    "defaults, false",
    "rslora, true",
    "tied, false",
    "tied, true",
    "regex, false",
    "biased, true",
    "whole, false",
    "layer, true"
  })
  void logitsLossAndEveryGradientEqualPeft(String name, boolean checkpointing) {
    Adapted adapted = Adapted.of(name).dropping(0);
    Fixture base = adapted.base();
    try (Weights weights = adapted.weights(Dtype.FLOAT32);
        Llama model = new Llama(base.config(), weights, adapted.options(0, checkpointing));
        Gradients gradients = model.gradients(Dtype.FLOAT32)) {
      assertThat(Fixture.distance(model.logits(base.batch()), adapted.expected("logits")))
          .isLessThan(1e-4);
      double expected = adapted.expected("loss")[0];
      assertThat(expected).isNotCloseTo(base.expected("loss")[0], within(0.01));
      assertThat(model.scores(base.batch()).loss()).isCloseTo(expected, within(expected * 1e-5));
      model.forwardBackward(base.batch(), base.scale(), gradients);
      assertThat(gradients.loss().getAsDouble()).isCloseTo(expected, within(expected * 1e-5));
      assertThat(gradients.names().stream().map(it -> "grad." + it))
          .containsExactlyInAnyOrderElementsOf(
              adapted.expected().keySet().stream().filter(it -> it.startsWith("grad.")).toList());
      Fixture.floats(gradients)
          .forEach(
              (weight, values) ->
                  assertThat(Fixture.distance(values, adapted.expected("grad." + weight)))
                      .as(weight)
                      .isLessThan(1e-4));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void gradientsUnderDropoutAreThoseOfTheMask(boolean checkpointing) {
    Adapted adapted = Adapted.of("tied").dropping(0.3);
    Fixture base = adapted.base();
    try (Weights weights = adapted.weights(Dtype.FLOAT32);
        Llama model = new Llama(base.config(), weights, adapted.options(5, checkpointing));
        Gradients gradients = model.gradients(Dtype.FLOAT32);
        Gradients unused = model.gradients(Dtype.FLOAT32)) {
      model.forwardBackward(base.batch(), 1, gradients, 3);
      for (String name : gradients.names()) {
        // Along the gradient itself, where the loss changes most.
        float[] g = gradients.get(name).toFloatArray();
        double norm = Math.sqrt(dot(g, g));
        float[] before = weights.get(name).toFloatArray();
        double step = 5e-3 / Math.sqrt(Math.max(1, norm));
        double[] loss = new double[2];
        for (int side = 0; side < 2; side++) {
          float[] moved = before.clone();
          for (int i = 0; i < moved.length; i++) {
            moved[i] += (float) ((side == 0 ? -step : step) * g[i] / norm);
          }
          weights.get(name).set(moved);
          unused.clear();
          model.forwardBackward(base.batch(), 1, unused, 3);
          loss[side] = unused.loss().getAsDouble();
        }
        weights.get(name).set(before);
        assertThat((loss[1] - loss[0]) / (2 * step)).as(name).isCloseTo(norm, within(norm * 0.02));
      }
    }
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  @Test
  void theSameMicroBatchDropsTheSameAndCheckpointingChangesNothing() {
    Adapted adapted = Adapted.of("tied").dropping(0.5);
    Map<String, float[]> first = gradients(adapted, 7, false, 2);
    same(gradients(adapted, 7, false, 2), first, 0);
    same(gradients(adapted, 7, true, 2), first, 1e-5);
    String b = Lora.b("model.layers.0.self_attn.q_proj");
    assertThat(gradients(adapted, 7, false, 3).get(b)).isNotEqualTo(first.get(b));
    assertThat(gradients(adapted, 8, false, 2).get(b)).isNotEqualTo(first.get(b));
  }

  private static void same(
      Map<String, float[]> found, Map<String, float[]> expected, double distance) {
    found.forEach(
        (name, values) ->
            assertThat(Fixture.distance(values, expected.get(name)))
                .as(name)
                .isLessThanOrEqualTo(distance));
  }

  private static Map<String, float[]> gradients(
      Adapted adapted, long seed, boolean checkpointing, long number) {
    Fixture base = adapted.base();
    try (Weights weights = adapted.weights(Dtype.FLOAT32);
        Llama model = new Llama(base.config(), weights, adapted.options(seed, checkpointing));
        Gradients gradients = model.gradients(Dtype.FLOAT32)) {
      model.forwardBackward(base.batch(), 1, gradients, number);
      return Fixture.floats(gradients);
    }
  }

  /**
   * Of one product in the top layer, seen through the gradient of B, which is linear in the dropped
   * input and, as B is zero, moves nothing above: on average over masks it is that without dropout,
   * and its variance goes with p / (1 - p).
   */
  @Test
  void dropoutKeepsTheExpectedValueAndDropsTheShareThatIsAsked() {
    Lora.Settings settings =
        new Lora.Settings(
            2, 4, 0, false, Targets.of("model\\.layers\\.1\\.mlp\\.down_proj"), List.of());
    Adapted adapted = Adapted.drawn("qwen2", settings);
    float[] plain = gradientOfB(adapted, 1).get(0);
    int draws = 400;
    double quarter = spread(gradientOfB(adapted.dropping(0.25), draws), plain);
    List<float[]> halves = gradientOfB(adapted.dropping(0.5), draws);
    double half = spread(halves, plain);
    assertThat(half / quarter).isCloseTo(3, within(0.2));
    double[] mean = new double[plain.length];
    for (float[] one : halves) {
      for (int i = 0; i < one.length; i++) {
        mean[i] += one[i] / draws;
      }
    }
    double off = 0;
    for (int i = 0; i < mean.length; i++) {
      off += Math.pow(mean[i] - plain[i], 2);
    }
    // The variance of a mean of many is that of one, divided by their number.
    assertThat(off * draws / half).isBetween(0.3, 3.0);
  }

  /** The mean squared distance from the gradient without dropout. */
  private static double spread(List<float[]> drawn, float[] plain) {
    double spread = 0;
    for (float[] one : drawn) {
      for (int i = 0; i < one.length; i++) {
        spread += Math.pow(one[i] - plain[i], 2) / drawn.size();
      }
    }
    return spread;
  }

  private static List<float[]> gradientOfB(Adapted adapted, int draws) {
    Fixture base = adapted.base();
    List<float[]> drawn = new ArrayList<>();
    try (Weights weights = adapted.weights(Dtype.FLOAT32);
        Llama model = new Llama(base.config(), weights, adapted.options(1, false));
        Gradients gradients = model.gradients(Dtype.FLOAT32)) {
      for (int i = 0; i < draws; i++) {
        model.forwardBackward(base.batch(), 1, gradients, i);
        drawn.add(gradients.get(Lora.b(adapted.lora().modules().get(0))).toFloatArray());
        gradients.clear();
      }
    }
    return drawn;
  }

  @Test
  void nothingIsDroppedOutsideOfTraining() {
    Adapted adapted = Adapted.of("tied").dropping(0.9);
    Fixture base = adapted.base();
    try (Weights weights = adapted.weights(Dtype.FLOAT32);
        Llama model = new Llama(base.config(), weights, adapted.options(5, false))) {
      assertThat(Fixture.distance(model.logits(base.batch()), adapted.expected("logits")))
          .isLessThan(1e-4);
      try (Decoder decoder = new Decoder(base.config(), weights, List.of(firstDocument(base)), 1)) {
        int vocabulary = base.config().vocabSize();
        int[] document = firstDocument(base);
        float[] logits = adapted.expected("logits");
        assertThat(Fixture.distance(decoder.start(), row(logits, document.length - 1, vocabulary)))
            .isLessThan(1e-4);
      }
    }
  }

  @Test
  void theDecoderAppendsAsTheModelReads() {
    Adapted adapted = Adapted.of("tied");
    Fixture base = adapted.base();
    int[] document = firstDocument(base);
    try (Weights weights = adapted.weights(Dtype.FLOAT32);
        Decoder decoder =
            new Decoder(
                base.config(), weights, List.of(Arrays.copyOf(document, 3)), document.length)) {
      float[] logits = decoder.start();
      for (int at = 3; at < document.length; at++) {
        float[] expected = row(adapted.expected("logits"), at - 1, base.config().vocabSize());
        assertThat(Fixture.distance(logits, expected)).as("token " + at).isLessThan(1e-4);
        logits = decoder.next(new int[] {document[at]}, new boolean[] {true});
      }
    }
  }

  private static int[] firstDocument(Fixture base) {
    return Arrays.copyOf(base.batch().inputIds(), base.batch().seqLengths()[0][0]);
  }

  private static float[] row(float[] logits, int row, int vocabulary) {
    return Arrays.copyOfRange(logits, row * vocabulary, (row + 1) * vocabulary);
  }

  @Test
  void beginsAsPeftDoes() {
    Lora.Settings settings = new Lora.Settings(16, 32, 0.05, false, Targets.ALL_LINEAR, List.of());
    Adapted adapted = Adapted.drawn("qwen2", settings);
    Fixture base = adapted.base();
    Map<String, float[]> drawn = new LinkedHashMap<>();
    try (Weights weights = adapted.weights(Dtype.FLOAT32);
        Llama model = new Llama(base.config(), weights, adapted.options(0, false))) {
      weights.names().stream()
          .filter(Lora::isAdapter)
          .forEach(name -> drawn.put(name, weights.get(name).toFloatArray()));
      assertThat(Fixture.distance(model.logits(base.batch()), base.expected("logits")))
          .isLessThan(1e-4);
    }
    assertThat(drawn).hasSize(2 * 7 * base.config().layers());
    drawn.forEach(
        (name, values) -> {
          if (name.endsWith("lora_B.weight")) {
            assertThat(values).containsOnly(0f);
          } else {
            double bound = 1 / Math.sqrt(values.length / 16.0);
            double largest = 0;
            for (float value : values) {
              largest = Math.max(largest, Math.abs(value));
            }
            assertThat(largest).as(name).isBetween(bound * 0.95, bound);
            assertThat(dot(values, values) / values.length)
                .as("the variance of a uniform number")
                .isCloseTo(bound * bound / 3, within(bound * bound / 15));
          }
        });
    try (Weights again = adapted.weights(Dtype.FLOAT32)) {
      drawn.forEach((name, values) -> assertThat(again.get(name).toFloatArray()).isEqualTo(values));
    }
  }

  @Test
  void whatIsDrawnIsNotWhatAModelOfTheSameSeedBeginsWith() {
    Lora.Settings settings = new Lora.Settings(16, 32, 0, false, Targets.ALL_LINEAR, List.of());
    Adapted adapted = Adapted.drawn("qwen2", settings); // by the seed 1
    try (Weights weights = adapted.weights(Dtype.FLOAT32);
        NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
      NDArray a = weights.get(Lora.a(adapted.lora().modules().get(0)));
      float bound = 1 / (float) Math.sqrt((double) a.getShape().get(1));
      manager.getEngine().setRandomSeed(1);
      NDArray ofTheModel = manager.randomUniform(-bound, bound, a.getShape(), DataType.FLOAT32);
      assertThat(a.toFloatArray()).isNotEqualTo(ofTheModel.toFloatArray());
    }
  }

  @Test
  void bf16StaysNearSinglePrecision() {
    Adapted adapted = Adapted.of("rslora");
    Fixture base = adapted.base();
    try (Weights weights = adapted.weights(Dtype.BFLOAT16);
        Llama model = new Llama(base.config(), weights, adapted.options(0, true));
        Gradients gradients = model.gradients(Dtype.FLOAT32)) {
      double expected = adapted.expected("loss")[0];
      model.forwardBackward(base.batch(), base.scale(), gradients);
      assertThat(gradients.loss().getAsDouble())
          .isCloseTo(expected, within(expected * 0.05))
          .isNotCloseTo(expected, within(expected * 1e-6));
      String b = Lora.b("model.layers.1.self_attn.o_proj");
      assertThat(Fixture.distance(gradients.get(b).toFloatArray(), adapted.expected("grad." + b)))
          .isLessThan(0.2);
    }
  }

  @Test
  void whatIsFrozenHasNoBufferAndLayersBelowTheLowestAdapterNoBackwardPass() {
    Adapted adapted = Adapted.of("regex");
    Trained trained = adapted.options(0, false).trained();
    assertThat(trained.firstLayer(adapted.base().config())).isEqualTo(1);
    assertThat(trained.names(adapted.base().config()))
        .hasSize(6)
        .allMatch(Lora::isAdapter)
        .allMatch(name -> name.startsWith("model.layers.1."));
    assertThat(
            Adapted.of("whole")
                .options(0, false)
                .trained()
                .firstLayer(Adapted.of("whole").base().config()))
        .isZero();
  }
}
