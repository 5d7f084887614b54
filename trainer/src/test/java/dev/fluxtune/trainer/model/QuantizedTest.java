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
  private static final List<String> NAMES = List.copyOf(FIXTURE.config().shapes().keySet());

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
          Weights dense = dequantized(codes);
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
        Weights dense = dequantized(codes);
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
      for (String name : NAMES) {
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
      // Two more of each product, the two tables, and the one that stands for none.
      int products = 7 * FIXTURE.config().layers();
      assertThat(NativeMemory.arrays() - before)
          .isEqualTo(codes.names().size() + 2 * products + 2 + 1);
    }
    assertThat(NativeMemory.arrays()).isEqualTo(before);
  }

  private static Weights quantized(Quantization form, Dtype dtype) {
    return form.read(FIXTURE.folder(), FIXTURE.config(), NAMES, Device.cpu(), dtype);
  }

  /** The weights that another's codes stand for, as they are. */
  private static Weights dequantized(Weights codes) {
    ModelConfig config = FIXTURE.config();
    Quantizer dense =
        new Quantizer() {
          @Override
          public boolean takes(String name) {
            return !codes.scales(name).isEmpty();
          }

          @Override
          public NDList quantize(NDManager owner, String what, List<Long> shape, Numbers numbers) {
            String name = what.substring(0, what.indexOf(' '));
            int layer = Integer.parseInt(name.split("\\.", -1)[2]);
            int i = config.layerNames(layer).indexOf(name);
            try (Dequantizer dequantizer = new Dequantizer(config, codes)) {
              return new NDList(dequantizer.weight(owner, codes.layer(config, layer), i));
            }
          }

          @Override
          public NDList tables(NDManager owner) {
            return new NDList();
          }
        };
    return Weights.read(FIXTURE.folder(), config, NAMES, Device.cpu(), codes.dtype(), dense);
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
      w = weights.layer(FIXTURE.config(), 1);
      ops = Llama.script(manager, FIXTURE.config(), weights);
    }

    /** What comes out, once kept, once not; the gradients of what went in, norms and biases. */
    List<float[]> forwardAndBackward() {
      return Modes.during(
          Device.cpu(),
          () -> {
            NDArray x = numbers(1);
            NDArray gy = numbers(2);
            List<NDArray> documents = documents(x);
            List<NDArray> g = gradients();
            NDArray seeds = manager.create(new long[0]); // nothing is dropped
            NDList kept = ops.call(manager, "layer_keeping", x, documents, seeds, w);
            NDArray y = kept.remove(0);
            NDList results =
                new NDList(y, ops.call(manager, "layer", x, documents, seeds, w).get(0));
            results.addAll(ops.call(manager, "layer_backward", gy, kept, documents, seeds, w, g));
            results.addAll(ops.call(manager, "layer_recomputing", gy, x, documents, seeds, w, g));
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
