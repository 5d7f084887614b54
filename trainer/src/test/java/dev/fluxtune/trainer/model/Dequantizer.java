package dev.fluxtune.trainer.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import dev.fluxtune.trainer.quantize.Expected;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Calls those methods of llama.py that take whole numbers, as only other methods of it do. */
final class Dequantizer implements AutoCloseable {
  private final NDManager host = NDManager.newBaseManager(Device.cpu(), "PyTorch");
  private final Tensors tensors = new Tensors();
  private final TorchScript ops;

  private Dequantizer(ModelConfig config, Weights weights) {
    ops = LlamaScript.load(host, config, weights);
  }

  /** For weights of any shape. */
  Dequantizer(Dtype dtype) {
    ops =
        TorchScript.load(
            host,
            Llama.class,
            List.of("llama.py", "norm_composed.py"),
            Map.ofEntries(
                Map.entry("hidden", "1"),
                Map.entry("intermediate", "1"),
                Map.entry("heads", "1"),
                Map.entry("kv_heads", "1"),
                Map.entry("head_dim", "1"),
                Map.entry("eps", "1.0"),
                Map.entry("dtype", Integer.toString(dtype.scalarType())),
                Map.entry("biased", "False"),
                Map.entry("adapted", "False"),
                Map.entry("adapters", "9"),
                Map.entry("scaling", "1.0"),
                Map.entry("stay", "1.0"),
                Map.entry("cudnn", "False"),
                Map.entry("quantized", "True"),
                Map.entry("scales", "9")));
  }

  /** A layer's weight, in the type of the model. */
  static NDArray weight(NDManager owner, ModelConfig config, Weights weights, String name) {
    try (Dequantizer dequantizer = new Dequantizer(config, weights)) {
      NDArray none = dequantizer.host.create(new Shape(0));
      List<List<String>> names = LlamaScript.layerNames(config, weights);
      int layer = Integer.parseInt(name.split("\\.", -1)[2]);
      PtNDArray[] w =
          LlamaScript.layers(names, weights, none).get(layer).stream()
              .map(PtNDArray.class::cast)
              .toArray(PtNDArray[]::new);
      long i = names.get(layer).indexOf(name);
      return dequantizer.run(owner, "weight", IValue.listFrom(w), IValue.from(i));
    }
  }

  NDArray ofEightBits(NDManager owner, Expected expected, String name) {
    NDArray codes =
        owner.create(
            ByteBuffer.wrap(expected.bytes(name + ".int8.codes")),
            new Shape(expected.shape(name)),
            DataType.INT8);
    NDArray absmax = owner.create(expected.floats(name + ".int8.absmax"));
    return floats(owner, run(owner, "of_eight_bits", value(codes), value(absmax)));
  }

  NDArray ofFourBits(NDManager owner, Expected expected, String name) {
    return ofFourBits(owner, expected, name, owner.create(expected.floats(name + ".nf4.absmax")));
  }

  NDArray ofNested(NDManager owner, Expected expected, String name) {
    float[] largest = expected.floats(name + ".nested.absmax");
    float[] scales = Arrays.copyOf(largest, largest.length + 1);
    scales[largest.length] = expected.floats(name + ".nested.mean")[0];
    NDArray codes = bytes(owner, expected.bytes(name + ".nested.codes"), 256 * largest.length);
    NDArray table = owner.create(expected.floats("dynamic"));
    NDArray absmax =
        run(owner, "of_nested", value(codes), value(owner.create(scales)), value(table));
    return ofFourBits(owner, expected, name, absmax);
  }

  private NDArray ofFourBits(NDManager owner, Expected expected, String name, NDArray absmax) {
    byte[] bytes = expected.bytes(name + ".nf4.codes");
    NDArray codes = bytes(owner, bytes, (bytes.length + 31) / 32 * 32);
    float[] constants = expected.floats("nf4");
    float[] pairs = new float[512];
    for (int i = 0; i < pairs.length; i++) {
      pairs[i] = constants[i % 2 == 0 ? i / 32 : i / 2 % 16];
    }
    return floats(
        owner,
        run(
            owner,
            "of_four_bits",
            value(codes),
            value(absmax),
            value(owner.create(pairs, new Shape(256, 2))),
            IValue.listFrom(expected.shape(name).stream().mapToLong(n -> n).toArray())));
  }

  /** Filled up with zeros. */
  private static NDArray bytes(NDManager owner, byte[] bytes, int size) {
    ByteBuffer whole = ByteBuffer.wrap(Arrays.copyOf(bytes, size));
    return owner.create(whole, new Shape(size), DataType.UINT8);
  }

  private NDArray floats(NDManager owner, NDArray array) {
    return tensors.converted(owner, array, Dtype.FLOAT32);
  }

  private static IValue value(NDArray array) {
    return IValue.from((PtNDArray) array);
  }

  private NDArray run(NDManager owner, String method, IValue... arguments) {
    return Modes.during(
        Device.cpu(),
        () -> {
          try (IValue result = IValueUtils.runMethod(block(), method, arguments)) {
            return result.toTensor((PtNDManager) owner);
          } finally {
            Arrays.stream(arguments).forEach(IValue::close);
          }
        });
  }

  private PtSymbolBlock block() {
    try {
      Field block = TorchScript.class.getDeclaredField("block");
      block.setAccessible(true);
      return (PtSymbolBlock) block.get(ops);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    ops.close();
    tensors.close();
    host.close();
  }
}
