package dev.fluxtune.trainer.model;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.checkpoint.ModelFiles;
import dev.fluxtune.trainer.checkpoint.SafeTensors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;

/** Which file of a folder holds which weight; names, shapes and types checked against the model. */
final class WeightFiles {
  private final Map<String, SafeTensors> byName;

  private WeightFiles(Map<String, SafeTensors> byName) {
    this.byName = byName;
  }

  static WeightFiles find(Path folder, ModelConfig config) {
    return new WeightFiles(checked(folder, config, ModelFiles.read(folder)));
  }

  static SafeTensors.Tensor tensor(SafeTensors file, String name) {
    return Objects.requireNonNull(file.tensors().get(name), name);
  }

  void forEach(BiConsumer<String, SafeTensors> action) {
    byName.forEach(action);
  }

  /** The model's weights, in its order; anything missing, left over or misshapen is named. */
  private static Map<String, SafeTensors> checked(
      Path folder, ModelConfig config, Map<String, SafeTensors> found) {
    List<String> problems = new ArrayList<>();
    Map<String, SafeTensors> ordered = new LinkedHashMap<>();
    config
        .shapes()
        .forEach(
            (name, shape) -> {
              SafeTensors file = found.get(name);
              if (file == null) {
                problems.add(name + " is missing");
                return;
              }
              SafeTensors.Tensor tensor = tensor(file, name);
              if (!tensor.shape().equals(shape)) {
                problems.add(
                    "%s has shape %s where config.json makes it %s"
                        .formatted(name, tensor.shape(), shape));
              } else if (!Tensors.READABLE.containsKey(tensor.dtype())) {
                problems.add(
                    "%s is of dtype %s; F32, BF16, F16 and F64 are read"
                        .formatted(name, tensor.dtype()));
              }
              ordered.put(name, file);
            });
    for (String name : found.keySet()) {
      // Files of old hold the rotary frequencies; tied ones sometimes the head a second time.
      boolean redundant =
          name.endsWith(".rotary_emb.inv_freq")
              || (config.tiedEmbeddings() && name.equals(ModelConfig.HEAD));
      if (!redundant && !ordered.containsKey(name)) {
        problems.add(name + " has no place in the model");
      }
    }
    if (!problems.isEmpty()) {
      throw BadInputException.of(
          "the weights in %s do not fit config.json:".formatted(folder), problems);
    }
    return ordered;
  }
}
