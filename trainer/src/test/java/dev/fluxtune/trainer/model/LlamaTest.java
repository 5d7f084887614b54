package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against transformers: the fixtures of tests/parity/make_models.py. */
class LlamaTest {
  private static final Llama.Options PLAIN = options(Trained.everything(), false);
  private static final Llama.Options CHECKPOINTING = options(Trained.everything(), true);

  @ParameterizedTest
  @ValueSource(strings = {"llama2", "llama3", "mistral", "qwen2"})
  void logitsLossAndEveryGradientEqualTransformers(String shape) {
    Fixture fixture = Fixture.of(shape);
    try (Weights weights = fixture.weights();
        Llama model = new Llama(fixture.config(), weights, PLAIN);
        Gradients gradients = model.gradients(Dtype.FLOAT32)) {
      assertThat(Fixture.distance(model.logits(fixture.batch()), fixture.expected("logits")))
          .isLessThan(1e-4);
      double expected = fixture.expected("loss")[0];
      assertThat(model.scores(fixture.batch()).loss()).isCloseTo(expected, within(expected * 1e-5));
      model.forwardBackward(fixture.batch(), fixture.scale(), gradients);
      assertThat(gradients.loss().getAsDouble()).isCloseTo(expected, within(expected * 1e-5));
      assertThat(gradients.names()).hasSize(fixture.expected().size() - 6);
      Fixture.floats(gradients)
          .forEach(
              (name, values) ->
                  assertThat(Fixture.distance(values, fixture.expected("grad." + name)))
                      .as(name)
                      .isLessThan(1e-4));
    }
  }

  /** The library that the tests run with has no kernel for these norms: see norm_fused.py. */
  @Test
  void onAGpuALibraryWithoutKernelsForNormsComposesThem() {
    Fixture fixture = Fixture.of("llama2");
    try (Weights weights = fixture.weights();
        NDManager manager = NDManager.newBaseManager("PyTorch");
        TorchScript ops = LlamaScript.load(manager, fixture.config(), weights, true)) {
      NDArray x = manager.full(new Shape(2, fixture.config().hiddenSize()), 3f);
      NDArray w = manager.full(new Shape(fixture.config().hiddenSize()), 2f);
      NDList result = ops.call(manager, "norm", x, w);
      assertThat(result.get(0).toFloatArray()).usingComparatorWithPrecision(1e-5f).containsOnly(2f);
      assertThat(result.get(1).toFloatArray())
          .usingComparatorWithPrecision(1e-5f)
          .containsOnly(1 / 3f);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2", "llama3", "mistral", "qwen2"})
  void attentionAndPositionsRunThroughTheRowWhereAsked(String shape) {
    Fixture fixture = Fixture.of(shape);
    Llama.Options across = new Llama.Options(Trained.everything(), false, true);
    try (Weights weights = fixture.weights();
        Llama model = new Llama(fixture.config(), weights, across)) {
      assertThat(Fixture.distance(model.logits(fixture.batch()), fixture.expected("chunk.logits")))
          .isLessThan(1e-4);
      double expected = fixture.expected("chunk.loss")[0];
      assertThat(model.scores(fixture.batch()).loss()).isCloseTo(expected, within(expected * 1e-5));
      assertThat(expected).isNotCloseTo(fixture.expected("loss")[0], within(0.1));
    }
  }

  private static void near(Map<String, float[]> found, Map<String, float[]> expected) {
    found.forEach(
        (name, values) ->
            assertThat(Fixture.distance(values, expected.get(name))).as(name).isLessThan(1e-5));
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama3", "qwen2"})
  void checkpointingChangesNoGradient(String shape) {
    Fixture fixture = Fixture.of(shape);
    try (Weights weights = fixture.weights()) {
      Map<String, float[]> plain = fixture.gradients(weights, PLAIN);
      near(fixture.gradients(weights, CHECKPOINTING), plain);
    }
  }

  /** Gradients of the head, of the embedding and of a layer, in buffers where something lies. */
  private static List<float[]> gradients(Fixture fixture, Dtype dtype, float there, float beta) {
    ModelConfig config = fixture.config();
    try (Weights weights = Weights.read(fixture.folder(), config, Device.cpu(), dtype);
        NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
        TorchScript ops = LlamaScript.load(manager, config, weights)) {
      NDArray none = manager.create(new Shape(0));
      NDArray noSeeds = manager.create(new long[0]);
      NDArray ids = manager.create(new int[] {1, 2, 3, 2});
      NDArray embedding = weights.get(ModelConfig.EMBEDDING);
      List<NDArray> head =
          List.of(weights.get(ModelConfig.NORM), weights.get(config.headName()), embedding);
      List<NDArray> w =
          LlamaScript.layers(LlamaScript.layerNames(config, weights), weights, none).get(0);
      List<NDArray> all =
          Stream.concat(head.stream(), w.stream())
              .map(it -> manager.full(it.getShape(), there))
              .toList();
      NDArray b = manager.create(beta);
      Modes.during(
          Device.cpu(),
          () -> {
            NDArray x = ops.call(manager, "embed", ids, embedding).get(0);
            NDArray at = manager.create(new long[] {0, 1, 3});
            NDArray targets = manager.create(new long[] {2, 3, 1});
            NDArray sizes = manager.create(new int[] {2, 1}); // the second part is added
            NDArray scale = manager.create(1f);
            List<NDArray> g = all.subList(0, 2);
            NDArray gy =
                ops.call(manager, "head", x, at, targets, scale, sizes, head.subList(0, 2), g, b)
                    .get(1);
            NDArray places = manager.create(new int[] {0, 1, 2, 3});
            NDArray cu = manager.create(new int[] {0, 4});
            NDArray lengths = manager.create(new int[] {4, 4});
            NDArray frequencies = manager.create(config.frequencies());
            NDList documents = ops.call(manager, "documents", places, frequencies, cu, lengths, x);
            List<NDArray> layer = all.subList(3, all.size());
            ops.call(manager, "layer_recomputing", gy, x, documents, noSeeds, w, layer, b);
            return ops.call(manager, "embed_backward", gy, ids, all.get(2), b);
          });
      return all.stream().map(NDArray::toFloatArray).toList();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT32", "BFLOAT16"})
  void ofWhatLayInABufferThatIsWrittenNothingIsLeft(Dtype dtype) {
    Fixture fixture = Fixture.of("qwen2");
    List<float[]> added = gradients(fixture, dtype, 0, 1);
    List<float[]> written = gradients(fixture, dtype, Float.NaN, 0);
    for (int i = 0; i < added.size(); i++) {
      assertThat(written.get(i)).as("buffer %d", i).containsExactly(added.get(i), within(1e-6f));
    }
  }

  @Test
  void checkpointingMakesTheSameWhicheverLayersKeepAll() {
    Fixture fixture = Fixture.of("qwen2");
    int[] ids = Arrays.copyOf(fixture.batch().inputIds(), 16);
    int[] labels = ids.clone();
    labels[0] = Chunk.IGNORED;
    Batch few = Batch.stack(List.of(new Chunk(ids, labels, new int[] {16})), OptionalInt.empty());
    try (Weights weights = fixture.weights();
        Llama plain = new Llama(fixture.config(), weights, PLAIN);
        Llama checkpointing = new Llama(fixture.config(), weights, CHECKPOINTING);
        Gradients expected = plain.gradients(Dtype.FLOAT32);
        Gradients found = checkpointing.gradients(Dtype.FLOAT32)) {
      List<String> below = Activations.below(fixture.config(), Trained.everything());
      Activations activations =
          new Activations(fixture.config(), Trained.everything(), Dtype.FLOAT32);
      long coming = found.toCome(below);
      assertThat(activations.whole(few.inputIds().length, coming)).isEqualTo(2);
      assertThat(activations.whole(fixture.batch().inputIds().length, coming)).isEqualTo(1);
      for (Batch batch : List.of(few, fixture.batch())) {
        expected.clear();
        found.clear();
        plain.forwardBackward(batch, 1, expected);
        checkpointing.forwardBackward(batch, 1, found);
        Map<String, float[]> right = Fixture.floats(expected);
        near(Fixture.floats(found), right);
      }
    }
  }

  @Test
  void theTopLayersAloneHaveTheGradientsOfFullTraining() {
    Fixture fixture = Fixture.of("llama3");
    try (Weights weights = fixture.weights()) {
      Map<String, float[]> full = fixture.gradients(weights, PLAIN);
      for (boolean checkpointing : new boolean[] {false, true}) {
        Map<String, float[]> top =
            fixture.gradients(weights, options(Trained.last(2, false), checkpointing));
        assertThat(top).hasSize(2 * 9);
        top.forEach(
            (name, values) -> {
              assertThat(name).matches("model\\.layers\\.[12]\\..*");
              assertThat(Fixture.distance(values, full.get(name))).as(name).isLessThan(1e-5);
            });
      }
    }
  }

  @Test
  void theHeadIsTrainedWithTheTopLayersWhereAsked() {
    Fixture fixture = Fixture.of("qwen2");
    try (Weights weights = fixture.weights()) {
      Map<String, float[]> full = fixture.gradients(weights, PLAIN);
      Map<String, float[]> top = fixture.gradients(weights, options(Trained.last(1, true), true));
      assertThat(top).hasSize(12 + 1).containsKey("lm_head.weight");
      assertThat(top).containsKey("model.layers.1.self_attn.k_proj.bias");
      near(top, full);
    }
  }

  @Test
  void gradientsAreAddedAndScaled() {
    Fixture fixture = Fixture.of("llama3");
    try (Weights weights = fixture.weights();
        Llama model = new Llama(fixture.config(), weights, PLAIN);
        Gradients once = model.gradients(Dtype.FLOAT32);
        Gradients twice = model.gradients(Dtype.FLOAT32)) {
      model.forwardBackward(fixture.batch(), 0.5, once);
      model.forwardBackward(fixture.batch(), 0.125, twice);
      model.forwardBackward(fixture.batch(), 0.375, twice);
      Map<String, float[]> sums = Fixture.floats(twice);
      Fixture.floats(once)
          .forEach(
              (name, values) ->
                  assertThat(Fixture.distance(sums.get(name), values)).as(name).isLessThan(1e-5));
      assertThat(twice.loss().getAsDouble()).isCloseTo(2 * once.loss().getAsDouble(), within(1e-5));
      twice.clear();
      assertThat(twice.loss().getAsDouble()).isZero();
      Fixture.floats(twice).values().forEach(values -> assertThat(values).containsOnly(0f));
    }
  }

  @Test
  void headAndLossMayBeMadeInParts() {
    Fixture fixture = Fixture.of("llama3");
    try (Weights weights = fixture.weights();
        Llama whole = new Llama(fixture.config(), weights, PLAIN);
        Llama parts = new Llama(fixture.config(), weights, PLAIN, tokens -> 7, 3);
        Gradients wholes = whole.gradients(Dtype.FLOAT32);
        Gradients sums = parts.gradients(Dtype.FLOAT32)) {
      assertThat(fixture.batch().trainedTokens() % 7).isNotZero();
      whole.forwardBackward(fixture.batch(), 1, wholes);
      parts.forwardBackward(fixture.batch(), 1, sums);
      double loss = wholes.loss().getAsDouble();
      assertThat(sums.loss().getAsDouble()).isCloseTo(loss, within(1e-4));
      assertThat(parts.scores(fixture.batch()).loss()).isCloseTo(loss, within(1e-4));
      Map<String, float[]> expected = Fixture.floats(wholes);
      near(Fixture.floats(sums), expected);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2", "llama3", "mistral", "qwen2"})
  void scoresAreThoseOfTrlMadeInPartsToo(String shape) {
    Fixture fixture = Fixture.of(shape);
    Batch batch = fixture.batch();
    float[] labels = fixture.expected("likely.labels");
    int[] likely = IntStream.range(0, labels.length).map(i -> (int) labels[i]).toArray();
    Batch of =
        new Batch(batch.size(), batch.length(), batch.inputIds(), likely, batch.seqLengths());
    float[] expected = fixture.expected("likely.scores");
    try (Weights weights = fixture.weights();
        Llama whole = new Llama(fixture.config(), weights, PLAIN);
        Llama parts = new Llama(fixture.config(), weights, PLAIN, tokens -> 7, 3)) {
      for (Llama model : List.of(whole, parts)) {
        Llama.Scores scores = model.scores(of);
        assertThat(scores.loss()).isCloseTo(expected[0], withinPercentage(1e-3));
        assertThat(scores.hits()).isEqualTo(expected[1]).isBetween(20.0, of.trainedTokens() - 20.0);
        assertThat(scores.entropy()).isCloseTo(expected[2], withinPercentage(1e-3));
      }
    }
  }

  @Test
  void aPackedBatchLosesWhatItsDocumentsLoseAlone() {
    Fixture fixture = Fixture.of("qwen2");
    Batch batch = fixture.batch();
    try (Weights weights = fixture.weights();
        Llama model = new Llama(fixture.config(), weights, PLAIN)) {
      double alone = 0;
      int at = 0;
      for (int[] row : batch.seqLengths()) {
        for (int n : row) {
          int[] ids = Arrays.copyOfRange(batch.inputIds(), at, at + n);
          int[] labels = Arrays.copyOfRange(batch.labels(), at, at + n);
          Chunk document = new Chunk(ids, labels, new int[] {n});
          alone += model.scores(Batch.stack(List.of(document), OptionalInt.empty())).loss();
          at += n;
        }
      }
      assertThat(model.scores(batch).loss()).isCloseTo(alone, within(alone * 1e-5));
    }
  }

  @Test
  void sameInputsGiveTheSameBits() {
    Fixture fixture = Fixture.of("qwen2");
    try (Weights weights = fixture.weights()) {
      Map<String, float[]> first = fixture.gradients(weights, PLAIN);
      fixture
          .gradients(weights, PLAIN)
          .forEach((name, values) -> assertThat(values).as(name).isEqualTo(first.get(name)));
    }
  }

  @Test
  void bf16StaysNearSinglePrecision() {
    Fixture fixture = Fixture.of("llama2");
    for (Dtype sums : Dtype.values()) {
      try (Weights weights =
              Weights.read(fixture.folder(), fixture.config(), Device.cpu(), Dtype.BFLOAT16);
          Llama model = new Llama(fixture.config(), weights, CHECKPOINTING);
          Gradients gradients = model.gradients(sums)) {
        double expected = fixture.expected("loss")[0];
        model.forwardBackward(fixture.batch(), fixture.scale(), gradients);
        assertThat(gradients.loss().getAsDouble())
            .isCloseTo(expected, within(expected * 0.05))
            .isNotCloseTo(expected, within(expected * 1e-6));
        if (sums == Dtype.FLOAT32) {
          assertThat(
                  Fixture.distance(
                      gradients.get("lm_head.weight").toFloatArray(),
                      fixture.expected("grad.lm_head.weight")))
              .isLessThan(0.2);
        }
      }
    }
  }

  @Test
  void aBatchWithoutTargetsChangesNothing() {
    Fixture fixture = Fixture.of("llama3");
    Chunk chunk = new Chunk(new int[] {1, 2, 3}, new int[] {-100, -100, -100}, new int[] {3});
    Batch batch = Batch.stack(List.of(chunk), OptionalInt.empty());
    try (Weights weights = fixture.weights();
        Llama model = new Llama(fixture.config(), weights, PLAIN);
        Gradients gradients = model.gradients(Dtype.FLOAT32)) {
      model.forwardBackward(batch, 1, gradients);
      assertThat(gradients.loss().getAsDouble()).isZero();
      assertThat(model.scores(batch).loss()).isZero();
      assertThat(gradients.get("model.norm.weight").toFloatArray()).containsOnly(0f);
    }
  }

  @Test
  void anIdOutsideTheVocabularyIsRefused() {
    Fixture fixture = Fixture.of("llama3");
    Chunk token = new Chunk(new int[] {1, 96}, new int[] {-100, 96}, new int[] {2});
    Chunk target = new Chunk(new int[] {1, 2}, new int[] {-100, 96}, new int[] {2});
    try (Weights weights = fixture.weights();
        Llama model = new Llama(fixture.config(), weights, PLAIN)) {
      for (Chunk chunk : List.of(token, target)) {
        assertThatThrownBy(
                () -> model.scores(Batch.stack(List.of(chunk), OptionalInt.empty())).loss())
            .isInstanceOf(BadInputException.class)
            .hasMessageContaining("id 96")
            .hasMessageContaining("below 96");
      }
    }
  }

  @Test
  void theThreadIsLeftAsItWas() {
    Fixture fixture = Fixture.of("llama3");
    boolean before = JniUtils.isGradMode();
    try (Weights weights = fixture.weights();
        Llama model = new Llama(fixture.config(), weights, PLAIN)) {
      JniUtils.setGradMode(true);
      model.scores(fixture.batch());
      assertThat(JniUtils.isGradMode()).isTrue();
    } finally {
      JniUtils.setGradMode(before);
    }
  }

  private static Llama.Options options(Trained trained, boolean checkpointing) {
    return new Llama.Options(trained, checkpointing, false);
  }
}
