package dev.fluxtune.app;

import ai.djl.Device;
import ai.djl.engine.Engine;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.trainer.checkpoint.ModelFiles;
import dev.fluxtune.trainer.checkpoint.SafeTensors;
import dev.fluxtune.trainer.model.Dtype;
import java.nio.file.Files;
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
    Device device = Engine.getEngine("PyTorch").getGpuCount() > 0 ? Device.gpu() : Device.cpu();
    if (!device.isGpu() && Files.exists(Path.of("/dev/nvidia0"))) {
      throw new BadInputException(
          "this machine has an NVIDIA GPU, and PyTorch's CUDA libraries are not to be found: set"
              + " PYTORCH_LIBRARY_PATH to the folder of a libtorch 2.7.1 with CUDA, or"
              + " CUDA_VISIBLE_DEVICES= to train on the CPU");
    }
    boolean bf16 = config.training().bf16().orElse(device.isGpu());
    boolean pure =
        bf16
            && switch (config.model().dtype().orElse(RunConfig.Dtype.FLOAT32)) {
              case BFLOAT16 -> true;
              case FLOAT32 -> false;
              case AUTO -> !drawn && isBf16(model);
            };
    return new Precision(device, bf16 ? Dtype.BFLOAT16 : Dtype.FLOAT32, bf16 && !pure);
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
    if (weights == Dtype.FLOAT32) {
      return "float32";
    }
    return masters ? "products in bfloat16, weights and moments in float32" : "all in bfloat16";
  }
}
