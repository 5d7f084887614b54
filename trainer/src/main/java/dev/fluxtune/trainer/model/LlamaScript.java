package dev.fluxtune.trainer.model;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.fluxtune.trainer.adapter.Lora;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code llama.py} as a model needs it, and what it takes of each layer. */
final class LlamaScript {
  private LlamaScript() {}

  /** The mathematics of a model with its adapters, for its weights' type and device. */
  static TorchScript load(NDManager host, ModelConfig config, Weights weights) {
    return load(host, config, weights, weights.device().isGpu());
  }

  /**
   * @param gpu whether for a GPU: with its kernels where the library has them
   */
  static TorchScript load(NDManager host, ModelConfig config, Weights weights, boolean gpu) {
    if (gpu) {
      try {
        return filled(host, config, weights, true);
      } catch (EngineException e) {
        if (!String.valueOf(e.getMessage()).contains("_fused_rms_norm")) {
          throw e;
        }
      }
    }
    return filled(host, config, weights, false);
  }

  private static TorchScript filled(
      NDManager host, ModelConfig config, Weights weights, boolean fused) {
    boolean cudnn = fused && config.headDim() <= 128 && config.headDim() % 8 == 0;
    double scaling = weights.lora().map(Lora::scaling).orElse(1.0);
    double stay = 1 - weights.lora().map(it -> it.settings().dropout()).orElse(0.0);
    return TorchScript.load(
        host,
        LlamaScript.class,
        List.of("llama.py", fused ? "norm_fused.py" : "norm_composed.py"),
        Map.ofEntries(
            Map.entry("hidden", Integer.toString(config.hiddenSize())),
            Map.entry("intermediate", Integer.toString(config.intermediateSize())),
            Map.entry("heads", Integer.toString(config.heads())),
            Map.entry("kv_heads", Integer.toString(config.keyValueHeads())),
            Map.entry("head_dim", Integer.toString(config.headDim())),
            Map.entry("eps", Double.toString(config.rmsNormEps())),
            Map.entry("dtype", Integer.toString(weights.dtype().scalarType())),
            Map.entry("biased", config.attentionBias() ? "True" : "False"),
            Map.entry("adapted", weights.lora().isPresent() ? "True" : "False"),
            Map.entry("adapters", Integer.toString(config.layerNames(0).size())),
            Map.entry("scaling", Double.toString(scaling)),
            Map.entry("stay", Double.toString(stay)),
            Map.entry("cudnn", cudnn ? "True" : "False"),
            Map.entry("quantized", weights.quantized() ? "True" : "False"),
            Map.entry("scales", Integer.toString(layerNames(config, weights).get(0).size()))));
  }

  /** What the source takes of each layer; an adapter's names where there may be one. */
  static List<List<String>> layerNames(ModelConfig config, Weights weights) {
    List<List<String>> all = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      List<String> names = new ArrayList<>(config.layerNames(layer));
      if (weights.lora().isPresent()) {
        for (String weight : config.layerNames(layer).subList(0, Lora.PLACES)) {
          String module = weight.substring(0, weight.lastIndexOf('.'));
          names.addAll(List.of(Lora.a(module), Lora.b(module)));
        }
      }
      all.add(names);
    }
    return all;
  }

  /** The same as arrays, and behind them what scales the quantized ones. */
  static List<List<NDArray>> layers(List<List<String>> names, Weights weights, NDArray none) {
    List<List<NDArray>> all = new ArrayList<>();
    for (List<String> layer : names) {
      List<NDArray> arrays = new ArrayList<>();
      for (String name : layer) {
        arrays.add(Lora.isAdapter(name) ? weights.getOr(name, none) : weights.get(name));
      }
      arrays.addAll(weights.scales(layer.subList(0, Lora.PLACES), none));
      all.add(List.copyOf(arrays));
    }
    return all;
  }
}
