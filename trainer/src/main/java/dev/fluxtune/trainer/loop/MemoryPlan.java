package dev.fluxtune.trainer.loop;

import dev.fluxtune.trainer.adapter.Lora;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Llama;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.Trained;
import dev.fluxtune.trainer.quantize.Quantization;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The most device memory that training takes, in bytes, by what takes it; told from the shape of
 * the model alone. What llama.py makes and keeps is counted, not measured; {@code workspace} is
 * what was measured beside it.
 *
 * @param weights what the model multiplies with, adapters included
 * @param masters of what is trained, in single precision, where the weights are not
 * @param gradients their buffers
 * @param optimizer two moments of each trained number
 * @param kept activations that wait for the backward pass
 * @param recomputation what the backward pass of one layer makes; with checkpointing the layer's
 *     activations, too
 * @param logits the head's: logits of as many positions as it takes at once, and their gradient
 * @param workspace of CUDA and its libraries, and what the allocator cannot use
 */
public record MemoryPlan(
    long weights,
    long masters,
    long gradients,
    long optimizer,
    long kept,
    long recomputation,
    long logits,
    long workspace) {

  /**
   * What decides it beside the model.
   *
   * @param dtype of the weights
   * @param masters whether what is trained moves in single precision beside them
   * @param form in which the weights of the layers' products lie; empty: as the others
   */
  public record Settings(
      Trained trained,
      boolean checkpointing,
      Dtype dtype,
      boolean masters,
      Optional<Quantization> form) {}

  /**
   * A CUDA context, the libraries' own memory, and what the allocator holds and cannot use: an H100
   * with PyTorch 2.11 used this much beside what is counted, or up to a gigabyte less with 4,096
   * tokens at a time.
   */
  private static final long WORKSPACE = 2_200L << 20;

  /** All of them; what a layer's backward pass and the head's make is never there together. */
  public long peak() {
    return weights
        + masters
        + gradients
        + optimizer
        + kept
        + Math.max(recomputation, logits)
        + workspace;
  }

  /** What is there between steps. */
  public long state() {
    return weights + masters + gradients + optimizer;
  }

  /** Predicts the memory of micro-batches of {@code rows} chunks of {@code length} tokens. */
  public static MemoryPlan of(ModelConfig config, Settings settings, int rows, int length) {
    Layer layer = new Layer(config, settings, (long) rows * length);
    long trained = trainedNumbers(config, settings.trained());
    long moved = settings.masters() ? Dtype.FLOAT32.bytes() : settings.dtype().bytes();
    long weights = weights(config, settings);
    long masters = settings.masters() ? moved * trained : 0;
    long kept = layer.kept();
    return new MemoryPlan(
        weights,
        masters,
        moved * trained,
        2 * moved * trained,
        kept,
        layer.backward(),
        layer.head(),
        WORKSPACE);
  }

  private static long trainedNumbers(ModelConfig config, Trained trained) {
    Set<String> names = Set.copyOf(trained.names(config));
    return shapes(config, trained).entrySet().stream()
        .filter(weight -> names.contains(weight.getKey()))
        .mapToLong(weight -> numbers(weight.getValue()))
        .sum();
  }

  private static long weights(ModelConfig config, Settings settings) {
    long bytes = 0;
    for (Map.Entry<String, List<Long>> weight : shapes(config, settings.trained()).entrySet()) {
      List<Long> shape = weight.getValue();
      bytes +=
          settings.form().isPresent() && Quantization.takes(weight.getKey())
              ? settings.form().get().bytes(shape.get(0), shape.get(1))
              : settings.dtype().bytes() * numbers(shape);
    }
    return bytes;
  }

  private static Map<String, List<Long>> shapes(ModelConfig config, Trained trained) {
    Map<String, List<Long>> shapes = new LinkedHashMap<>(config.shapes());
    trained.lora().ifPresent(it -> shapes.putAll(it.shapes(config.shapes())));
    return shapes;
  }

  private static long numbers(List<Long> shape) {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  /** Activations, by what llama.py makes of each token. */
  private record Layer(ModelConfig config, Settings settings, long tokens) {
    private long bytes(long numbersOfAToken) {
      return settings.dtype().bytes() * numbersOfAToken * tokens;
    }

    private long hidden() {
      return config.hiddenSize();
    }

    private long queries() {
      return (long) config.heads() * config.headDim();
    }

    private long keys() {
      return (long) config.keyValueHeads() * config.headDim();
    }

    /**
     * What {@code kept} returns, but for x: r1, q, k, v, x2, r2, gate, up, o, its log-sum-exp, u.
     */
    private long activations() {
      long single = Dtype.FLOAT32.bytes() * tokens * (2 + config.heads());
      return single
          + bytes(hidden() + 2 * queries() + 2 * keys() + 2L * config.intermediateSize())
          + bytes(adapted() * rank());
    }

    /** Products of a layer that have an adapter, at most. */
    private long adapted() {
      long all = lora().map(it -> it.modules().size()).orElse(0);
      return (all + config.layers() - 1) / config.layers();
    }

    private long rank() {
      return lora().map(it -> it.settings().rank()).orElse(0);
    }

    private Optional<Lora> lora() {
      return settings.trained().lora();
    }

    long kept() {
      long layers = (long) config.layers() - settings.trained().firstLayer(config);
      return layers * (bytes(hidden()) + (settings.checkpointing() ? 0 : activations()));
    }

    /**
     * While the gradient of gate is made, before chains of pointwise operators are fused: that of
     * silu(gate) · up and six more as large. Or later, when two of them are left and a weight is
     * turned back.
     */
    long backward() {
      long wide = bytes(config.intermediateSize());
      long most = Math.max(7 * wide, 2 * wide + dense());
      return most + bytes(4 * hidden()) + (settings.checkpointing() ? activations() : 0);
    }

    /**
     * Of the largest product: its weight, turned back from codes, or its gradient before it is
     * added.
     */
    private long dense() {
      long largest = (long) config.hiddenSize() * config.intermediateSize();
      if (settings.form().isPresent()) {
        int onTheWay = settings.form().get() == Quantization.INT8 ? 2 : 6;
        return largest * (onTheWay + settings.dtype().bytes());
      }
      boolean added = settings.masters() && lora().isEmpty();
      return added ? largest * settings.dtype().bytes() : 0;
    }

    /** Logits, their exponentials in single precision, their gradient; and the hidden states. */
    long head() {
      long positions = Math.min(tokens, Llama.positionsAtOnce(config));
      long logits = positions * config.vocabSize();
      return logits * (2 * settings.dtype().bytes() + Dtype.FLOAT32.bytes()) + bytes(6 * hidden());
    }
  }
}
