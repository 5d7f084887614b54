package dev.fluxtune.trainer.model;

import java.util.Arrays;

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
    double layerProducts =
        config.layerNames(0).stream()
            .map(config::layerShape)
            .filter(shape -> shape.size() == 2)
            .mapToDouble(shape -> 2.0 * shape.get(0) * shape.get(1))
            .sum();
    // q·k and p·v: each 2 · length² · width, half of it masked.
    double attention =
        Arrays.stream(micro.lengths()).mapToDouble(length -> 2.0 * length * length).sum()
            * config.heads()
            * config.headDim();
    double forward = layerProducts * tokens + attention;
    // Backward is a product for each factor of each product forward.
    int backward = config.layers() - trained.firstLayer(config);
    double layers = forward * config.layers() + 2 * forward * backward;
    double head = 2.0 * config.vocabSize() * config.hiddenSize() * micro.at().length;
    return layers + head * (trained.all() || trained.head() ? 3 : 2);
  }
}
