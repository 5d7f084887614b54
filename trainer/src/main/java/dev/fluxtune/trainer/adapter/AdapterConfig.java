package dev.fluxtune.trainer.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Reason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** PEFT's {@code adapter_config.json}. */
final class AdapterConfig {
  /** Read here. */
  private static final Set<String> READ =
      Set.of(
          "base_model_name_or_path",
          "bias",
          "init_lora_weights",
          "lora_alpha",
          "lora_dropout",
          "modules_to_save",
          "peft_type",
          "r",
          "target_modules",
          "task_type",
          "use_rslora");

  /** Of no meaning once an adapter is trained, or without what else they belong to. */
  private static final Set<String> IDLE =
      Set.of(
          "auto_mapping",
          "eva_config",
          "inference_mode",
          "loftq_config",
          "megatron_core",
          "peft_version",
          "qalora_group_size",
          "revision");

  /** Beginnings that leave the base's weights as they are. */
  private static final Set<String> BEGINNINGS =
      Set.of("true", "false", "gaussian", "eva", "orthogonal");

  private final Path file;
  private final JsonNode json;

  private AdapterConfig(Path file, JsonNode json) {
    this.file = file;
    this.json = json;
  }

  static AdapterConfig read(Path folder) {
    Path file = folder.resolve(CheckpointFormat.ADAPTER_CONFIG);
    try {
      JsonNode json = new JsonMapper().readTree(Files.readAllBytes(file));
      if (json.isObject()) {
        return new AdapterConfig(file, json);
      }
    } catch (IOException e) {
      throw new BadInputException(
          "%s cannot be read (%s): save the adapter again".formatted(file, Reason.of(e)), e);
    }
    throw new BadInputException(file + " is no JSON object: save the adapter again");
  }

  /** {@code base_model_name_or_path}. */
  String base() {
    JsonNode base = json.path("base_model_name_or_path");
    if (!base.isTextual() || base.textValue().isEmpty()) {
      throw new BadInputException(
          file + " names no base (base_model_name_or_path): write the model's folder there");
    }
    return base.textValue();
  }

  /** What the adapter is; whatever else it asks for is refused. */
  Lora.Settings settings() {
    checkSupported();
    if (!json.path("r").isInt() || json.path("r").intValue() < 1) {
      throw wrong("r", "a whole number of at least 1");
    }
    if (!json.path("lora_alpha").isNumber()) {
      throw wrong("lora_alpha", "a number");
    }
    double dropout = json.path("lora_dropout").asDouble(json.has("lora_dropout") ? -1 : 0);
    if (dropout < 0 || dropout >= 1) {
      throw wrong("lora_dropout", "at least 0 and below 1");
    }
    if (json.has("use_rslora") && !json.path("use_rslora").isBoolean()) {
      throw wrong("use_rslora", "true or false");
    }
    return new Lora.Settings(
        json.path("r").intValue(),
        json.path("lora_alpha").doubleValue(),
        dropout,
        json.path("use_rslora").asBoolean(false),
        targets(),
        json.hasNonNull("modules_to_save") ? texts("modules_to_save") : List.of());
  }

  private void checkSupported() {
    if (!json.path("peft_type").asText().equals("LORA")) {
      throw wrong("peft_type", "LORA, the only kind that is supported");
    }
    if (!json.path("bias").asText("none").equals("none")) {
      throw wrong("bias", "none, biases are not trained with adapters");
    }
    if (!json.path("task_type").asText("null").matches("null|CAUSAL_LM")) {
      throw wrong("task_type", "CAUSAL_LM");
    }
    if (!BEGINNINGS.contains(json.path("init_lora_weights").asText("true"))) {
      throw wrong(
          "init_lora_weights", "true or gaussian: others change the base, save it converted");
    }
    for (Map.Entry<String, JsonNode> entry : json.properties()) {
      JsonNode value = entry.getValue();
      boolean nothing =
          value.isNull()
              || (value.isContainerNode() && value.isEmpty())
              || (value.isBoolean() && !value.booleanValue())
              || (value.isTextual() && value.textValue().isEmpty());
      if (!nothing && !READ.contains(entry.getKey()) && !IDLE.contains(entry.getKey())) {
        throw new BadInputException(
            "%s: %s (%s) is not supported; plain LoRA adapters are, of one rank and alpha"
                .formatted(file, entry.getKey(), value));
      }
    }
  }

  private Targets targets() {
    JsonNode targets = json.path("target_modules");
    if (targets.isTextual()) {
      return Targets.of(targets.textValue());
    }
    List<String> names = texts("target_modules");
    if (names.isEmpty()) {
      throw wrong("target_modules", "a list of names, or a regular expression");
    }
    return new Targets.Names(names);
  }

  private List<String> texts(String key) {
    if (!json.path(key).isArray()) {
      throw wrong(key, "a list of names");
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode text : json.path(key)) {
      texts.add(text.asText());
    }
    return texts;
  }

  private BadInputException wrong(String key, String right) {
    return new BadInputException(
        "%s: %s must be %s (got %s)"
            .formatted(file, key, right, json.has(key) ? json.path(key).toString() : "nothing"));
  }

  /** The text of the file, with what PEFT needs of it; the others have its defaults. */
  static byte[] text(Lora lora, String base) {
    Lora.Settings settings = lora.settings();
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.putObject("alpha_pattern");
    json.put("base_model_name_or_path", base);
    json.put("bias", "none");
    json.put("fan_in_fan_out", false);
    json.put("inference_mode", true);
    json.put("init_lora_weights", true);
    json.putNull("layers_to_transform");
    if (settings.alpha() == Math.rint(settings.alpha())) {
      json.put("lora_alpha", (long) settings.alpha());
    } else {
      json.put("lora_alpha", settings.alpha());
    }
    json.put("lora_bias", false);
    json.put("lora_dropout", settings.dropout());
    if (settings.modulesToSave().isEmpty()) {
      json.putNull("modules_to_save");
    } else {
      settings.modulesToSave().forEach(json.putArray("modules_to_save")::add);
    }
    json.put("peft_type", "LORA");
    json.put("r", settings.rank());
    json.putObject("rank_pattern");
    if (settings.targets() instanceof Targets.Regex regex) {
      json.put("target_modules", regex.pattern().pattern());
    } else if (settings.targets() instanceof Targets.Names names) {
      names.names().forEach(json.putArray("target_modules")::add);
    } else {
      throw new AssertionError(settings.targets());
    }
    json.put("task_type", "CAUSAL_LM");
    json.put("use_dora", false);
    json.put("use_rslora", settings.rslora());
    return (json.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
  }
}
