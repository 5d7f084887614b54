package dev.fluxtune.trainer.model;

import dev.fluxtune.schemas.BadInputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The shape of a model of the Llama family, as its {@code config.json} tells it. Whatever else a
 * configuration holds and this does not is refused when it is read.
 *
 * @param ropeTheta the base of the rotary frequencies
 * @param ropeScaling how Llama 3 stretches them
 * @param attentionBias whether q, k and v have biases, as in Qwen2
 * @param tiedEmbeddings whether the head is the embedding
 * @param slidingWindow how far attention looks back, where it does not look back to the start
 * @param maxPositions how many positions it was made for, {@code max_position_embeddings}
 * @param initializerRange the standard deviation of random weights
 */
public record ModelConfig(
    String modelType,
    int vocabSize,
    int hiddenSize,
    int intermediateSize,
    int layers,
    int heads,
    int keyValueHeads,
    int headDim,
    double rmsNormEps,
    double ropeTheta,
    Optional<Llama3Scaling> ropeScaling,
    boolean attentionBias,
    boolean tiedEmbeddings,
    OptionalInt slidingWindow,
    OptionalInt maxPositions,
    double initializerRange) {

  /** {@code rope_scaling} of type {@code llama3}. */
  public record Llama3Scaling(
      double factor, double lowFreqFactor, double highFreqFactor, double originalMaxPositions) {}

  public static final String EMBEDDING = "model.embed_tokens.weight";
  public static final String NORM = "model.norm.weight";
  public static final String HEAD = "lm_head.weight";

  /**
   * Reads a configuration.
   *
   * @param folder the model's folder
   * @throws BadInputException if there is none or it asks for something that is not supported
   */
  public static ModelConfig read(Path folder) {
    return ConfigFile.read(folder.resolve("config.json"));
  }

  /** Every weight's shape by its Hugging Face name, in the order of the mathematics. */
  public Map<String, List<Long>> shapes() {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    shapes.put(EMBEDDING, List.of((long) vocabSize, (long) hiddenSize));
    for (int layer = 0; layer < layers; layer++) {
      for (String name : layerNames(layer)) {
        shapes.put(name, layerShape(name));
      }
    }
    shapes.put(NORM, List.of((long) hiddenSize));
    if (!tiedEmbeddings) {
      shapes.put(HEAD, List.of((long) vocabSize, (long) hiddenSize));
    }
    return shapes;
  }

  /** A layer's weights, in the order in which the TorchScript source takes them. */
  List<String> layerNames(int layer) {
    List<String> parts =
        new ArrayList<>(
            List.of(
                "input_layernorm.weight",
                "self_attn.q_proj.weight",
                "self_attn.k_proj.weight",
                "self_attn.v_proj.weight",
                "self_attn.o_proj.weight",
                "post_attention_layernorm.weight",
                "mlp.gate_proj.weight",
                "mlp.up_proj.weight",
                "mlp.down_proj.weight"));
    if (attentionBias) {
      parts.addAll(
          List.of("self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias"));
    }
    return parts.stream().map(part -> "model.layers." + layer + "." + part).toList();
  }

  /** The weight that the head multiplies with. */
  String headName() {
    return tiedEmbeddings ? EMBEDDING : HEAD;
  }

  List<Long> layerShape(String name) {
    long hidden = hiddenSize;
    long queries = (long) heads * headDim;
    long keys = (long) keyValueHeads * headDim;
    long between = intermediateSize;
    String[] words = name.split("\\.", -1);
    boolean bias = words[words.length - 1].equals("bias");
    return switch (words[words.length - 2]) {
      case "q_proj" -> bias ? List.of(queries) : List.of(queries, hidden);
      case "k_proj", "v_proj" -> bias ? List.of(keys) : List.of(keys, hidden);
      case "o_proj" -> List.of(hidden, queries);
      case "gate_proj", "up_proj" -> List.of(between, hidden);
      case "down_proj" -> List.of(hidden, between);
      default -> List.of(hidden);
    };
  }

  /**
   * The rotary frequencies, shape (headDim / 2), in the single precision of transformers'
   * modeling_rope_utils.py.
   */
  float[] frequencies() {
    float[] frequencies = new float[headDim / 2];
    for (int i = 0; i < frequencies.length; i++) {
      float plain = 1f / (float) Math.pow(ropeTheta, 2f * i / headDim);
      frequencies[i] = ropeScaling.isPresent() ? stretched(plain, ropeScaling.get()) : plain;
    }
    return frequencies;
  }

  /** Long waves by the factor, short ones not at all, those between by a mixture. */
  private static float stretched(float frequency, Llama3Scaling scaling) {
    double waves = scaling.originalMaxPositions() * frequency / (2 * Math.PI);
    double smooth =
        (waves - scaling.lowFreqFactor()) / (scaling.highFreqFactor() - scaling.lowFreqFactor());
    double kept = Math.max(0, Math.min(1, smooth));
    return (float) ((1 - kept) * frequency / scaling.factor() + kept * frequency);
  }

  /**
   * Attention never reaches further back than a chunk is long; a window shorter than that would cut
   * it.
   */
  public void checkLength(int maxLength) {
    if (slidingWindow.isPresent() && slidingWindow.getAsInt() < maxLength) {
      throw new BadInputException(
          "the model looks back %d tokens (sliding_window) and max_length is %d: sliding windows are not supported, set max_length to at most %d"
              .formatted(slidingWindow.getAsInt(), maxLength, slidingWindow.getAsInt()));
    }
  }

  /** An id outside the vocabulary has no embedding. */
  void checkId(int id) {
    if (id < 0 || id >= vocabSize) {
      throw new BadInputException(
          "the data holds the id %d and the model knows ids below %d (vocab_size): its tokenizer is another model's"
              .formatted(id, vocabSize));
    }
  }
}
