package dev.fluxtune.trainer.model;

import dev.fluxtune.trainer.adapter.Lora;
import java.util.List;
import java.util.Optional;

/** The memory that waits for a layer's backward pass, in bytes, by what llama.py keeps. */
public record Activations(ModelConfig config, Trained trained, Dtype dtype) {
  /** Of a layer's input, x: what checkpointing keeps of it. */
  public long input(long tokens) {
    return bytes(config.hiddenSize(), tokens);
  }

  /** Of all else: r1, q, k, v, x2, r2, gate, up, o, its log-sum-exp, and u of each adapter. */
  public long others(long tokens) {
    long queries = (long) config.heads() * config.headDim();
    long keys = (long) config.keyValueHeads() * config.headDim();
    long single = Dtype.FLOAT32.bytes() * tokens * (2 + config.heads());
    long numbers =
        config.hiddenSize() + 2 * queries + 2 * keys + 2L * config.intermediateSize() + adapters();
    return single + bytes(numbers, tokens);
  }

  private long bytes(long numbersOfAToken, long tokens) {
    return dtype.bytes() * numbersOfAToken * tokens;
  }

  /** Numbers of a layer's u, at most. */
  private long adapters() {
    Optional<Lora> lora = trained.lora();
    int all = lora.map(it -> it.modules().size()).orElse(0);
    int rank = lora.map(it -> it.settings().rank()).orElse(0);
    return (long) (all + config.layers() - 1) / config.layers() * rank;
  }

  /** The trained weights of the layers below the top one, whose gradients come after its own. */
  public static List<String> below(ModelConfig config, Trained trained) {
    String top = "model.layers." + (config.layers() - 1) + ".";
    return trained.names(config).stream()
        .filter(name -> name.startsWith("model.layers.") && !name.startsWith(top))
        .toList();
  }

  /**
   * How many layers, from the top, keep all of it although checkpointing, since that raises no
   * peak: the top one, which is next after the head, and as many as fit where gradients will lie
   * that are not there yet.
   *
   * @param gradients bytes still to come of the trained weights of the layers below the top one
   */
  public int whole(long tokens, long gradients) {
    int layers = config.layers() - trained.firstLayer(config);
    long spare = Math.max(0, gradients - (layers - 1) * input(tokens));
    return (int) Math.min(layers, 1 + spare / others(tokens));
  }
}
