package dev.fluxtune.trainer.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.trainer.model.ModelConfig.Llama3Scaling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A {@code config.json}: every key is understood, known to change nothing, or named and refused.
 * Defaults are those of transformers' configuration classes.
 */
final class ConfigFile {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private static final Set<String> TYPES = Set.of("llama", "mistral", "qwen2");

  private static final Set<String> READ =
      Set.of(
          "model_type",
          "vocab_size",
          "hidden_size",
          "intermediate_size",
          "num_hidden_layers",
          "num_attention_heads",
          "num_key_value_heads",
          "head_dim",
          "rms_norm_eps",
          "rope_theta",
          "rope_scaling",
          "rope_parameters",
          "tie_word_embeddings",
          "sliding_window",
          "use_sliding_window",
          "layer_types",
          "max_position_embeddings",
          "initializer_range");

  /** The same of rope_parameters and rope_scaling. */
  private static final Set<String> ROPE =
      Set.of(
          "rope_type",
          "type",
          "rope_theta",
          "factor",
          "low_freq_factor",
          "high_freq_factor",
          "original_max_position_embeddings");

  /** What says how the file was made or how text is generated, and nothing of the mathematics. */
  private static final Set<String> NEUTRAL =
      Set.of(
          "_name_or_path",
          "architectures",
          "auto_map",
          "bos_token_id",
          "eos_token_id",
          "pad_token_id",
          "torch_dtype",
          "dtype",
          "transformers_version",
          "transformers.js_config",
          "use_cache",
          "max_window_layers",
          "is_llama_config",
          "return_dict",
          "output_attentions",
          "output_hidden_states");

  /** Features that are not supported, by the value with which they are off. */
  private static final Map<String, Set<String>> OFF =
      Map.of(
          "hidden_act", Set.of("silu", "swish"),
          "attention_bias", Set.of("false"),
          "mlp_bias", Set.of("false"),
          "attention_dropout", Set.of("0.0", "0"),
          "pretraining_tp", Set.of("1"),
          "rope_interleaved", Set.of("false"),
          "use_mrope", Set.of("false"));

  private final JsonNode tree;
  private final List<String> problems = new ArrayList<>();

  private ConfigFile(JsonNode tree) {
    this.tree = tree;
  }

  static ModelConfig read(Path file) {
    try {
      return parse(file, JSON.readTree(Files.readAllBytes(file)));
    } catch (JsonProcessingException e) {
      throw new BadInputException(file + " is no JSON: " + Reason.of(e), e);
    } catch (IOException e) {
      throw new BadInputException(
          "%s cannot be read (%s): a model's folder holds its config.json"
              .formatted(file, Reason.of(e)),
          e);
    }
  }

  private static ModelConfig parse(Path file, JsonNode tree) {
    ConfigFile config = new ConfigFile(tree);
    String type = tree.path("model_type").asText("");
    if (!TYPES.contains(type)) {
      throw new BadInputException(
          "%s: model_type is %s; supported are llama, mistral and qwen2"
              .formatted(file, type.isEmpty() ? "missing" : type));
    }
    config.refuseUnknown();
    ModelConfig parsed = config.read(type);
    if (!config.problems.isEmpty()) {
      throw new BadInputException(
          file + " cannot be used:\n  " + String.join("\n  ", config.problems));
    }
    return parsed;
  }

  private void refuseUnknown() {
    for (JsonNode kind : tree.path("layer_types")) {
      if (!kind.asText().equals("full_attention")) {
        problems.add("layer_types: " + kind + " is not supported; \"full_attention\" would be");
        break;
      }
    }
    for (Map.Entry<String, JsonNode> entry : tree.properties()) {
      String key = entry.getKey();
      JsonNode value = entry.getValue();
      Set<String> off = OFF.get(key);
      if (READ.contains(key) || NEUTRAL.contains(key) || value.isNull()) {
        continue;
      }
      if (off == null) {
        problems.add(key + " is not supported (its value is " + value + ")");
      } else if (!off.contains(value.asText())) {
        problems.add(
            key + ": " + value + " is not supported; " + off.iterator().next() + " would be");
      }
    }
  }

  private ModelConfig read(String type) {
    int hidden = positive("hidden_size");
    int heads = positive("num_attention_heads");
    // Only Llama's default follows from another key; the others' are those of one model.
    int keyValueHeads =
        tree.hasNonNull("num_key_value_heads") || !type.equals("llama")
            ? positive("num_key_value_heads")
            : heads;
    int headDim = tree.hasNonNull("head_dim") ? positive("head_dim") : hidden / heads;
    if (!tree.hasNonNull("head_dim") && hidden % heads != 0) {
      problems.add("hidden_size " + hidden + " is no multiple of num_attention_heads " + heads);
    }
    if (heads % keyValueHeads != 0) {
      problems.add(
          "num_attention_heads %d is no multiple of num_key_value_heads %d"
              .formatted(heads, keyValueHeads));
    }
    if (headDim % 2 != 0) {
      problems.add("head_dim " + headDim + " is odd");
    }
    JsonNode rope = rope();
    return new ModelConfig(
        type,
        positive("vocab_size"),
        hidden,
        positive("intermediate_size"),
        positive("num_hidden_layers"),
        heads,
        keyValueHeads,
        headDim,
        number(tree, "rms_norm_eps", 1e-6),
        number(rope, "rope_theta", number(tree, "rope_theta", 10_000)),
        scaling(rope),
        type.equals("qwen2"),
        tree.path("tie_word_embeddings").asBoolean(false),
        window(type),
        maxPositions(),
        number(tree, "initializer_range", 0.02));
  }

  /** transformers 5 writes rope_parameters; what it reads first is the older rope_scaling. */
  private JsonNode rope() {
    String key = tree.path("rope_scaling").isEmpty() ? "rope_parameters" : "rope_scaling";
    JsonNode rope = tree.path(key);
    for (Map.Entry<String, JsonNode> entry : rope.properties()) {
      if (!ROPE.contains(entry.getKey()) && !entry.getValue().isNull()) {
        problems.add(
            "%s.%s is not supported (its value is %s)"
                .formatted(key, entry.getKey(), entry.getValue()));
      }
    }
    return rope;
  }

  private Optional<Llama3Scaling> scaling(JsonNode rope) {
    String type = rope.path("rope_type").asText(rope.path("type").asText("default"));
    if (type.equals("default")) {
      return Optional.empty();
    }
    if (!type.equals("llama3")) {
      problems.add("rope_scaling of type " + type + " is not supported; llama3 would be");
      return Optional.empty();
    }
    return Optional.of(
        new Llama3Scaling(
            required(rope, "factor"),
            required(rope, "low_freq_factor"),
            required(rope, "high_freq_factor"),
            required(rope, "original_max_position_embeddings")));
  }

  private OptionalInt window(String type) {
    if (type.equals("llama")) {
      return OptionalInt.empty();
    }
    if (type.equals("qwen2") && !tree.path("use_sliding_window").asBoolean(false)) {
      return OptionalInt.empty();
    }
    if (tree.has("sliding_window") && tree.path("sliding_window").isNull()) {
      return OptionalInt.empty();
    }
    return OptionalInt.of(tree.path("sliding_window").asInt(4096));
  }

  private OptionalInt maxPositions() {
    String key = "max_position_embeddings";
    return tree.hasNonNull(key) ? OptionalInt.of(positive(key)) : OptionalInt.empty();
  }

  private int positive(String key) {
    JsonNode value = tree.path(key);
    if (!value.isInt() || value.intValue() < 1) {
      problems.add(
          "%s must be a positive whole number (%s)"
              .formatted(key, value.isMissingNode() ? "it is missing" : "it is " + value));
      return 1;
    }
    return value.intValue();
  }

  private double number(JsonNode node, String key, double otherwise) {
    return node.hasNonNull(key) ? required(node, key) : otherwise;
  }

  private double required(JsonNode node, String key) {
    if (!node.path(key).isNumber()) {
      problems.add(key + " must be a number (" + node.path(key) + ")");
    }
    return node.path(key).asDouble();
  }
}
