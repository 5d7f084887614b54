package dev.fluxtune.trainer.loop;

import dev.fluxtune.trainer.model.Activations;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.Trained;
import dev.fluxtune.trainer.quantize.Quantization;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The most device memory that training takes, in bytes, by what is there at that moment; told from
 * the shape of the model alone. What llama.py makes and keeps is counted, not measured; {@code
 * workspace} is what was measured beside it.
 *
 * @param weights what the model multiplies with, adapters included
 * @param masters of what is trained, in single precision, where the weights are not
 * @param gradients their buffers: of a step's first pass not all are there until its end
 * @param optimizer two moments of each trained number
 * @param kept activations that wait for the backward pass, or were made again for it
 * @param recomputation what the backward pass of one layer makes
 * @param logits the head's: logits of as many positions as it takes at once, in place their
 *     gradient
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
   * A CUDA context, the libraries' own memory, and what the allocator holds and cannot use, where
   * its segments grow (as the launcher asks): an H100 with PyTorch 2.11 used up to this much beside
   * what is counted.
   */
  private static final long WORKSPACE = 800L << 20;

  /** All of them. */
  public long peak() {
    return state() + kept + recomputation + logits + workspace;
  }

  /** All but what belongs to a pass. */
  public long state() {
    return weights + masters + gradients + optimizer;
  }

  /**
   * Predicts the memory of micro-batches of {@code rows} chunks of {@code length} tokens.
   *
   * @param accumulates whether a step has several of them: later ones find all gradients there
   */
  public static MemoryPlan of(
      ModelConfig config, Settings settings, int rows, int length, boolean accumulates) {
    Layer layer = new Layer(config, settings, (long) rows * length);
    List<String> names = settings.trained().names(config);
    List<String> below = Activations.below(config, settings.trained());
    long moved = settings.masters() ? Dtype.FLOAT32.bytes() : settings.dtype().bytes();
    long all = moved * numbers(config, settings.trained(), names);
    MemoryPlan stays =
        new MemoryPlan(
            weights(config, settings),
            settings.masters() ? all : 0,
            all,
            2 * all,
            0,
            0,
            0,
            WORKSPACE);
    long late = accumulates ? 0 : moved * numbers(config, settings.trained(), below);
    long last = accumulates ? 0 : moved * numbers(config, settings.trained(), end(config, names));
    long kept = layer.kept(late);
    MemoryPlan head = stays.with(all - late - last, kept, 0, layer.head());
    MemoryPlan top = stays.with(all - late - last, kept, layer.backward(), 0);
    MemoryPlan bottom = stays.with(all - last, layer.keptOfOne(), layer.backward(), 0);
    MemoryPlan end = stays.with(all, 0, layer.embedding(), 0);
    return Stream.of(head, top, bottom, end)
        .max(Comparator.comparingLong(MemoryPlan::peak))
        .orElseThrow();
  }

  private MemoryPlan with(long gradients, long kept, long recomputation, long logits) {
    return new MemoryPlan(
        weights, masters, gradients, optimizer, kept, recomputation, logits, workspace);
  }

  /** The embedding, if it is trained: its gradient is the last, but where it is the head too. */
  private static List<String> end(ModelConfig config, List<String> names) {
    return names.stream()
        .filter(name -> name.equals(ModelConfig.EMBEDDING) && !config.tiedEmbeddings())
        .toList();
  }

  private static long numbers(ModelConfig config, Trained trained, List<String> names) {
    Set<String> some = Set.copyOf(names);
    return shapes(config, trained).entrySet().stream()
        .filter(weight -> some.contains(weight.getKey()))
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
    private Activations activations() {
      return new Activations(config, settings.trained(), settings.dtype());
    }

    /** In all, when the head is reached and {@code gradients} bytes of them are still to come. */
    long kept(long gradients) {
      long layers = (long) config.layers() - settings.trained().firstLayer(config);
      long whole = settings.checkpointing() ? activations().whole(tokens, gradients) : layers;
      return layers * activations().input(tokens) + whole * activations().others(tokens);
    }

    /** By the lowest layer alone, its own turn come. */
    long keptOfOne() {
      return activations().input(tokens) + activations().others(tokens);
    }

    /**
     * While the gradient of gate is made; or later, when two such are left and a weight is turned
     * back.
     */
    long backward() {
      long wide = settings.dtype().bytes() * tokens * config.intermediateSize();
      long later = 2 * wide + dense() + 4 * activations().input(tokens);
      return Math.max(activations().backward(tokens), later);
    }

    /** While the gradient of the embedding is made: that of the lowest layer's input, twice. */
    long embedding() {
      return 2 * activations().input(tokens);
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
      boolean added = settings.masters() && settings.trained().lora().isEmpty();
      return added ? largest * settings.dtype().bytes() : 0;
    }

    long head() {
      return activations().head(tokens, Math.min(tokens, activations().logitsAtOnce(tokens)));
    }
  }
}
