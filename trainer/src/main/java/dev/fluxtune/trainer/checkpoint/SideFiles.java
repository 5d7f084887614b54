package dev.fluxtune.trainer.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Reason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What lies beside the weights in a model's folder: configuration, generation settings, tokenizer;
 * or in a folder of adapters: what they are, tokenizer. Read once, when a run begins, so that
 * nothing that happens to the model's folder later matters.
 */
public final class SideFiles {
  private static final String CONFIG = "config.json";
  private static final String GENERATION = "generation_config.json";

  /** Whatever a tokenizer's folder may hold of these. */
  private static final List<String> TOKENIZER =
      List.of(
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "chat_template.jinja",
          "tokenizer.model",
          "vocab.json",
          "merges.txt");

  /** The class that transformers makes of a model type; other loaders ask for it. */
  private static final Map<String, String> ARCHITECTURES =
      Map.of(
          "llama", "LlamaForCausalLM",
          "mistral", "MistralForCausalLM",
          "qwen2", "Qwen2ForCausalLM");

  private static final Map<String, String> DTYPES =
      Map.of("F32", "float32", "BF16", "bfloat16", "F16", "float16");

  private final Optional<byte[]> config; // of a model; that of adapters is among the others
  private final Map<String, byte[]> others;

  private SideFiles(Optional<byte[]> config, Map<String, byte[]> others) {
    this.config = config;
    this.others = others;
  }

  /**
   * Reads them.
   *
   * @param model the model's folder, or any that holds a {@code config.json}
   * @param tokenizer the tokenizer's folder, which may be the same; empty where there is none
   */
  public static SideFiles read(Path model, Optional<Path> tokenizer) {
    Map<String, byte[]> others = new TreeMap<>();
    byte[] config = bytes(model.resolve(CONFIG));
    others.put(
        GENERATION,
        Files.exists(model.resolve(GENERATION))
            ? bytes(model.resolve(GENERATION))
            : generation(tree(CONFIG, config)));
    tokenizer.ifPresent(folder -> others.putAll(tokenizer(folder)));
    return new SideFiles(Optional.of(config), others);
  }

  /**
   * Those of adapters.
   *
   * @param config the text of {@code adapter_config.json}
   */
  public static SideFiles ofAdapter(byte[] config, Optional<Path> tokenizer) {
    Map<String, byte[]> others = new TreeMap<>();
    others.put(CheckpointFormat.ADAPTER_CONFIG, config);
    tokenizer.ifPresent(folder -> others.putAll(tokenizer(folder)));
    return new SideFiles(Optional.empty(), others);
  }

  private static Map<String, byte[]> tokenizer(Path folder) {
    Map<String, byte[]> files = new TreeMap<>();
    for (String name : TOKENIZER) {
      Path file = folder.resolve(name);
      if (Files.exists(file)) {
        files.put(name, bytes(file));
      }
    }
    return files;
  }

  /**
   * These, with the token that a model learnt to end documents with among those that end what it
   * writes; none is taken away, as transformers' Trainer has it (align_special_tokens).
   *
   * @param endId its id
   * @param eosToken its text, where it becomes the tokenizer's
   */
  public SideFiles endingWith(int endId, Optional<String> eosToken) {
    Map<String, byte[]> ending = new TreeMap<>(others);
    ending.computeIfPresent(GENERATION, (name, file) -> ending(name, file, endId));
    eosToken.ifPresent(
        text -> {
          for (String file : List.of("tokenizer_config.json", "special_tokens_map.json")) {
            ending.computeIfPresent(
                file, (name, bytes) -> text(tree(name, bytes).put("eos_token", text)));
          }
        });
    return new SideFiles(config.map(it -> ending(CONFIG, it, endId)), ending);
  }

  /** The file's own bytes where it names the token already. */
  private static byte[] ending(String name, byte[] file, int endId) {
    ObjectNode tree = tree(name, file);
    JsonNode named = tree.path("eos_token_id");
    ArrayNode ids = JsonNodeFactory.instance.arrayNode().add(endId);
    for (JsonNode id : named.isArray() ? named : List.of(named)) {
      if (id.isInt() && id.intValue() == endId) {
        return file;
      }
      if (id.isInt()) {
        ids.add(id);
      }
    }
    boolean one = ids.size() == 1 || (name.equals(CONFIG) && !named.isArray());
    tree.set("eos_token_id", one ? ids.get(0) : ids);
    return text(tree);
  }

  /** Whether what they lie beside are adapters. */
  boolean ofAdapter() {
    return config.isEmpty();
  }

  /** Writes them beside weights. */
  void write(FolderWriter into, Map<String, Content> weights) throws IOException {
    if (config.isPresent()) {
      into.write(CONFIG, config(config.get(), dtype(weights)));
    }
    for (Map.Entry<String, byte[]> file : others.entrySet()) {
      into.write(file.getKey(), file.getValue());
    }
  }

  /** The file's own bytes wherever they are true of the weights. */
  private static byte[] config(byte[] config, String dtype) {
    ObjectNode tree = tree(CONFIG, config);
    ObjectNode before = tree.deepCopy();
    boolean named = false;
    for (String key : List.of("dtype", "torch_dtype")) { // transformers writes the first since 5
      if (tree.has(key)) {
        tree.put(key, dtype);
        named = true;
      }
    }
    if (!named) {
      tree.put("torch_dtype", dtype);
    }
    String architecture = ARCHITECTURES.get(tree.path("model_type").asText());
    if (!tree.hasNonNull("architectures") && architecture != null) {
      tree.putArray("architectures").add(architecture);
    }
    return tree.equals(before) ? config : text(tree);
  }

  /** The widest type: frozen weights may be narrower than trained ones. */
  private static String dtype(Map<String, Content> weights) {
    return weights.values().stream()
        .map(Content::dtype)
        .reduce((a, b) -> SafeTensors.bytesOf(a) >= SafeTensors.bytesOf(b) ? a : b)
        .map(dtype -> DTYPES.getOrDefault(dtype, dtype))
        .orElseThrow(() -> new IllegalArgumentException("a model has weights"));
  }

  /** What transformers makes of a configuration where a folder has none. */
  private static byte[] generation(ObjectNode config) {
    ObjectNode made = JsonNodeFactory.instance.objectNode().put("_from_model_config", true);
    for (String key : List.of("bos_token_id", "eos_token_id", "pad_token_id")) {
      JsonNode id = config.path(key);
      if (id.isInt() || id instanceof ArrayNode) {
        made.set(key, id);
      }
    }
    return text(made);
  }

  private static byte[] text(ObjectNode tree) {
    return (tree.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
  }

  private static ObjectNode tree(String name, byte[] file) {
    try {
      if (new JsonMapper().readTree(file) instanceof ObjectNode tree) {
        return tree;
      }
      throw new BadInputException(name + " is no JSON object");
    } catch (IOException e) {
      throw new BadInputException("%s is no JSON: %s".formatted(name, Reason.of(e)), e);
    }
  }

  private static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new BadInputException("%s cannot be read (%s)".formatted(file, Reason.of(e)), e);
    }
  }
}
