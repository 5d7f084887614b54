package dev.fluxtune.trainer.model;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The floating-point operations that training on a micro-batch takes at least, as model FLOPs
 * utilization counts them (Chowdhery et al. 2022, PaLM, appendix B), with what is masked left out:
 * causal attention counts half, a document sees itself only, the head works on trained positions.
 * Layers computed again for checkpointing do not count twice.
 */
final class Flops {
  private Flops() {}

  static double of(ModelConfig config, Trained trained, MicroBatch micro) {
    double tokens = micro.ids().length;
    // q·k and p·v: each 2 · length² · width, half of it masked.
    double attention =
        Arrays.stream(micro.lengths()).mapToDouble(length -> 2.0 * length * length).sum()
            * config.heads()
            * config.headDim();
    int first = trained.firstLayer(config);
    double flops = attention * (config.layers() + 2 * (config.layers() - first));
    // A product forward; backward one for its input and, where it is trained, one for its weight.
    Set<String> names = Set.copyOf(trained.names(config));
    for (int layer = 0; layer < config.layers(); layer++) {
      int through = layer < first ? 1 : 2;
      for (String name : config.layerNames(layer)) {
        flops += product(config.layerShape(name)) * tokens * (names.contains(name) ? 3 : through);
      }
    }
    for (List<Long> adapter : adapters(config, trained)) {
      flops += product(adapter) * tokens * 3;
    }
    double head = 2.0 * config.vocabSize() * config.hiddenSize() * micro.at().length;
    return flops + head * (names.contains(config.headName()) ? 3 : 2);
  }

  /** A row times a matrix; a norm or bias is none. */
  private static double product(List<Long> shape) {
    return shape.size() == 2 ? 2.0 * shape.get(0) * shape.get(1) : 0;
  }

  private static List<List<Long>> adapters(ModelConfig config, Trained trained) {
    Map<String, List<Long>> base = config.shapes();
    return trained.lora().stream()
        .flatMap(it -> it.shapes(base).entrySet().stream())
        .filter(entry -> !base.containsKey(entry.getKey()))
        .map(Map.Entry::getValue)
        .toList();
  }
}
