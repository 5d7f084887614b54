package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.quantize.Expected;
import dev.fluxtune.trainer.quantize.Quantization;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What codes stand for, to the bit that of tests/parity/make_quantized.py; and layers and models
 * whose products' weights lie in codes, beside the same with the weights that these stand for.
 */
class QuantizedTest {
  private static final Expected EXPECTED = Expected.read();
  private static final Fixture FIXTURE = Fixture.of("qwen2");

  @ParameterizedTest
  @EnumSource
  void codesStandForWhatTheyDoInTheOriginal(Dtype dtype) {
    String suffix = dtype == Dtype.FLOAT32 ? ".fp32" : ".bf16";
    try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
        Dequantizer dequantizer = new Dequantizer(dtype)) {
      for (String name : EXPECTED.names()) {
        NDArray eight = dequantizer.ofEightBits(manager, EXPECTED, name);
        assertThat(eight.toFloatArray())
            .as(name)
            .isEqualTo(EXPECTED.floats(name + ".int8" + suffix));
        NDArray four = dequantizer.ofFourBits(manager, EXPECTED, name);
        assertThat(four.toFloatArray()).as(name).isEqualTo(EXPECTED.floats(name + ".nf4" + suffix));
        NDArray nested = dequantizer.ofNested(manager, EXPECTED, name);
        assertThat(nested.toFloatArray())
            .as(name)
            .isEqualTo(EXPECTED.floats(name + ".nested" + suffix));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aLayerIsTheOneWithTheWeightsThatItsCodesStandFor(Quantization form) {
    for (Dtype dtype : Dtype.values()) {
      double apart = dtype == Dtype.FLOAT32 ? 1e-5 : 0;
      try (Weights codes = quantized(form, dtype);
          Weights dense = dequantized(FIXTURE, codes);
          Layer ofCodes = new Layer(codes);
          Layer ofDense = new Layer(dense)) {
        List<float[]> expected = ofDense.forwardAndBackward();
        List<float[]> found = ofCodes.forwardAndBackward();
        assertThat(found).hasSameSizeAs(expected).hasSize(9);
        for (int i = 0; i < expected.size(); i++) {
          assertThat(Fixture.distance(found.get(i), expected.get(i)))
              .as("%s %s %d", form, dtype, i)
              .isLessThanOrEqualTo(apart);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aModelIsTheOneWithTheWeightsThatItsCodesStandFor(Quantization form) {
    try (Weights codes = quantized(form, Dtype.FLOAT32);
        Weights dense = dequantized(FIXTURE, codes);
        Weights original = FIXTURE.weights()) {
      assertThat(codes.size()).isEqualTo(original.size());
      List<int[]> prompts = List.of(new int[] {1, 2, 3}, new int[] {5});
      try (Decoder decoder = new Decoder(FIXTURE.config(), codes, prompts, 4);
          Decoder beside = new Decoder(FIXTURE.config(), dense, prompts, 4)) {
        assertThat(Fixture.distance(decoder.start(), beside.start())).isLessThan(1e-5);
        int[] next = {7, 8};
        boolean[] both = {true, true};
        float[] logits = beside.next(next, both);
        assertThat(Fixture.distance(decoder.next(next, both), logits)).isLessThan(1e-5);
      }
      // Half a step, between the two lowest constants of four, or two of eight bits.
      double most = form == Quantization.INT8 ? 0.5001 / 127 : 0.153;
      for (String name : original.names()) {
        double off =
            Fixture.distance(dense.get(name).toFloatArray(), original.get(name).toFloatArray());
        if (name.endsWith("_proj.weight")) {
          assertThat(off).as(name).isBetween(most / 4, most);
        } else {
          assertThat(off).as(name).isZero();
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void adaptersOnCodesLearnAsOnTheWeightsThatTheseStandFor(Quantization form) {
    Adapted adapted = Adapted.of("tied").dropping(0.3);
    Fixture base = adapted.base();
    for (boolean checkpointing : new boolean[] {false, true}) {
      try (Weights codes = quantized(base, form, Dtype.FLOAT32);
          Weights dense = dequantized(base, codes)) {
        List<Map<String, float[]>> gradients = new ArrayList<>();
        for (Weights weights : List.of(codes, dense)) {
          adapted.adapt(weights);
          try (Llama model = new Llama(base.config(), weights, adapted.options(5, checkpointing));
              Gradients into = model.gradients(Dtype.FLOAT32)) {
            model.forwardBackward(base.batch(), base.scale(), into);
            assertThat(into.loss().getAsDouble()).isPositive();
            gradients.add(Fixture.floats(into));
          }
        }
        assertThat(gradients.get(0).keySet()).isEqualTo(gradients.get(1).keySet()).isNotEmpty();
        gradients
            .get(1)
            .forEach(
                (name, expected) ->
                    assertThat(Fixture.distance(gradients.get(0).get(name), expected))
                        .as(name)
                        .isLessThan(1e-5));
      }
    }
  }

  @Test
  void aQuantizedWeightIsNotTrained() {
    Llama.Options options = new Llama.Options(Trained.last(1, true), false, false);
    try (Weights codes = quantized(Quantization.NF4, Dtype.FLOAT32)) {
      assertThatThrownBy(() -> new Llama(FIXTURE.config(), codes, options))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("model.layers.1.self_attn.q_proj.weight is quantized")
          .hasMessageContaining("use_peft");
    }
  }

  @Test
  void aModelReadFreesAllThatIsNotItsOwn() {
    int before = NativeMemory.arrays();
    try (Weights codes = quantized(Quantization.NF4_NESTED, Dtype.FLOAT32)) {
      // Two more of each product, and the two tables.
      int products = 7 * FIXTURE.config().layers();
      assertThat(NativeMemory.arrays() - before).isEqualTo(codes.names().size() + 2 * products + 2);
    }
    assertThat(NativeMemory.arrays()).isEqualTo(before);
  }

  private static Weights quantized(Quantization form, Dtype dtype) {
    return quantized(FIXTURE, form, dtype);
  }

  private static Weights quantized(Fixture fixture, Quantization form, Dtype dtype) {
    ModelConfig config = fixture.config();
    return form.read(fixture.folder(), config, config.shapes().keySet(), Device.cpu(), dtype);
  }

  /** The weights that another's codes stand for, as they are. */
  private static Weights dequantized(Fixture fixture, Weights codes) {
    ModelConfig config = fixture.config();
    Quantizer dense =
        new Quantizer() {
          @Override
          public boolean takes(String name) {
            return codes.isQuantized(name);
          }

          @Override
          public NDList quantize(NDManager owner, String what, List<Long> shape, Numbers numbers) {
            String name = what.substring(0, what.indexOf(' '));
            return new NDList(Dequantizer.weight(owner, config, codes, name));
          }

          @Override
          public NDList tables(NDManager owner) {
            return new NDList();
          }
        };
    return Weights.read(
        fixture.folder(), config, config.shapes().keySet(), Device.cpu(), codes.dtype(), dense);
  }

  /** The second layer of a model, called as {@link Llama} does. */
  private static final class Layer implements AutoCloseable {
    private final NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    private final Tensors tensors = new Tensors();
    private final Dtype dtype;
    private final List<NDArray> w;
    private final TorchScript ops;

    Layer(Weights weights) {
      dtype = weights.dtype();
      NDArray none = manager.create(new Shape(0));
      w =
          LlamaScript.layers(LlamaScript.layerNames(FIXTURE.config(), weights), weights, none)
              .get(1);
      ops = LlamaScript.load(manager, FIXTURE.config(), weights);
    }

    /** What comes out, once kept, once not; the gradients of what went in, norms and biases. */
    List<float[]> forwardAndBackward() {
      return Modes.during(
          Device.cpu(),
          () -> {
            NDArray x = numbers(1);
            NDArray gy = numbers(2);
            List<NDArray> documents = documents(x);
            NDArray seeds = manager.create(new long[0]);
            List<NDArray> g = gradients();
            NDArray added = manager.create(1f);
            NDList kept = ops.call(manager, "layer_keeping", x, documents, seeds, w);
            NDArray y = kept.remove(0);
            NDList results =
                new NDList(y, ops.call(manager, "layer", x, documents, seeds, w).get(0));
            results.addAll(
                ops.call(manager, "layer_backward", gy, kept, documents, seeds, w, g, added));
            results.addAll(
                ops.call(manager, "layer_recomputing", gy, x, documents, seeds, w, g, added));
            for (int i : new int[] {0, 5, 9, 10, 11}) {
              results.add(g.get(i));
            }
            return results.stream().map(this::floats).toList();
          });
    }

    private float[] floats(NDArray array) {
      return tensors.converted(manager, array, Dtype.FLOAT32).toFloatArray();
    }

    private NDArray numbers(int seed) {
      manager.getEngine().setRandomSeed(seed);
      return tensors.converted(manager, manager.randomNormal(new Shape(20, 32)), dtype);
    }

    private NDList documents(NDArray like) {
      return ops.call(
          manager,
          "documents",
          manager.create(IntStream.range(0, 20).map(i -> i % 13).toArray()),
          manager.create(FIXTURE.config().frequencies()),
          manager.create(new int[] {0, 13, 20}),
          manager.create(new int[] {13, 13, 7}),
          like);
    }

    /** Buffers for norms and biases; the products are frozen. */
    private List<NDArray> gradients() {
      List<NDArray> g = new ArrayList<>(Collections.nCopies(12, manager.create(new Shape(0))));
      for (int i : new int[] {0, 5, 9, 10, 11}) {
        g.set(i, manager.zeros(w.get(i).getShape()));
      }
      return g;
    }

    @Override
    public void close() {
      ops.close();
      tensors.close();
      manager.close();
    }
  }
}
