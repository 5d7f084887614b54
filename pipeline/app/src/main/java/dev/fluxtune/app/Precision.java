package dev.fluxtune.app;

import ai.djl.Device;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.trainer.checkpoint.ModelFiles;
import dev.fluxtune.trainer.checkpoint.SafeTensors;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Gpu;
import java.nio.file.Path;
import java.util.Map;

/**
 * Where a model runs and in which types, as the keys {@code dtype} and {@code bf16} say.
 *
 * @param weights what the model multiplies with
 * @param masters whether what is trained moves in single precision beside them
 */
record Precision(Device device, Dtype weights, boolean masters) {

  /**
   * @param model the model's folder
   * @param drawn whether its weights are drawn, so that no file has a type
   */
  static Precision of(RunConfig config, Path model, boolean drawn) {
    Device device = Gpu.device();
    boolean bf16 = config.training().bf16().orElse(device.isGpu());
    boolean pure =
        bf16
            && switch (config.model().dtype().orElse(RunConfig.Dtype.FLOAT32)) {
              case BFLOAT16 -> true;
              case FLOAT32 -> false;
              case AUTO -> !drawn && isBf16(model);
            };
    boolean masters = bf16 && (!pure || config.adapter().usePeft()); // adapters: always
    return new Precision(device, bf16 ? Dtype.BFLOAT16 : Dtype.FLOAT32, masters);
  }

  private static boolean isBf16(Path model) {
    Map<String, SafeTensors> files = ModelFiles.read(model);
    return files.entrySet().stream()
        .allMatch(it -> "BF16".equals(type(it.getValue(), it.getKey())));
  }

  private static String type(SafeTensors file, String name) {
    SafeTensors.Tensor tensor = file.tensors().get(name);
    return tensor == null ? "" : tensor.dtype();
  }

  /** Bytes that a trained weight takes: itself, its master, its gradient, two moments. */
  int bytesPerTrained() {
    return weights == Dtype.FLOAT32 ? 16 : masters ? 2 + 16 : 8;
  }

  int bytesPerFrozen() {
    return weights == Dtype.FLOAT32 ? 4 : 2;
  }

  /** For the summary. */
  String text() {
    String types =
        masters
            ? "products in bfloat16, what is trained and its moments in float32"
            : "all in bfloat16";
    String all = weights == Dtype.FLOAT32 ? "float32" : types;
    return device.isGpu() ? Gpu.name().map(card -> card + ", ").orElse("") + all : all;
  }
}
