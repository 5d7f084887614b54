package dev.fluxtune.trainer.model;

import dev.fluxtune.trainer.adapter.Lora;
import java.util.List;
import java.util.Optional;

/** The memory of activations, in bytes, by what llama.py makes and keeps. */
public record Activations(ModelConfig config, Trained trained, Dtype dtype) {
  /** Logits in single precision that are there at once, at most: 128 MiB. */
  private static final int SINGLE_AT_ONCE = 1 << 25;

  /** GPUs multiply matrices in tiles of 128 or 256 rows. */
  private static final int TILE = 256;

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

  /**
   * Of what a layer's backward pass makes, at most. That is while the gradient of gate is made,
   * before chains of pointwise operators are fused: that of silu(gate) · up and six more as large.
   */
  public long backward(long tokens) {
    return 7 * bytes(config.intermediateSize(), tokens) + 4 * input(tokens);
  }

  /**
   * Of what the head makes with the logits of {@code positions} tokens at once: some of them in
   * single precision too, and the logarithms of their probabilities; and six like a layer's input.
   */
  public long head(long tokens, long positions) {
    long single = 2L * Dtype.FLOAT32.bytes() * Math.min(positions, singleAtOnce(config));
    return config.vocabSize() * (dtype.bytes() * positions + single) + 6 * input(tokens);
  }

  /** Positions whose logits are there in single precision at once, at most. */
  public static int singleAtOnce(ModelConfig config) {
    return tiles(Math.max(1, SINGLE_AT_ONCE / config.vocabSize()));
  }

  /**
   * Positions whose logits, and then their gradients, are there at once, at most: as many as raise
   * no peak, since the backward pass of the top layer, which is next, takes as much. Fewer would
   * add to the gradient of the head's weight more often.
   */
  public int logitsAtOnce(long tokens) {
    int least = singleAtOnce(config);
    long more = (backward(tokens) - head(tokens, least)) / bytes(config.vocabSize(), 1);
    return tiles((int) Math.min(Integer.MAX_VALUE, least + Math.max(0, more)));
  }

  /**
   * How many of {@code positions} to take at a time, {@code most} at most: about alike each time.
   */
  public static int evenly(int positions, int most) {
    int times = (positions - 1) / most + 1;
    int each = (positions - 1) / times + 1;
    return Math.min(most, ((each - 1) / TILE + 1) * TILE);
  }

  private static int tiles(int positions) {
    return positions < TILE ? positions : positions / TILE * TILE;
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
