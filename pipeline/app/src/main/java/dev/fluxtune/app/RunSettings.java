package dev.fluxtune.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.app.config.ConfigWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Everything that determines a run's weights, as JSON: data, model and the keys of training; no
 * path, no time. Two runs with equal settings on the same kind of machine end with equal weights.
 */
final class RunSettings {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Beside what {@link Settings} holds of the rows and their packing. */
  private static final List<String> KEYS =
      List.of(
          "dtype",
          "unfrozen_layers",
          "train_head",
          "packed_attention",
          "train_sampling_strategy",
          "per_device_train_batch_size",
          "gradient_accumulation_steps",
          "dataloader_drop_last",
          "num_train_epochs",
          "max_steps",
          "warmup_steps",
          "learning_rate",
          "lr_scheduler_type",
          "lr_scheduler_kwargs",
          "weight_decay",
          "adam_beta1",
          "adam_beta2",
          "adam_epsilon",
          "max_grad_norm",
          "bf16",
          "seed",
          "data_seed");

  /** Where adapters are trained, their keys too. */
  private static final List<String> ADAPTER_KEYS =
      List.of(
          "use_peft",
          "lora_r",
          "lora_alpha",
          "lora_dropout",
          "lora_target_modules",
          "lora_modules_to_save",
          "use_rslora");

  private RunSettings() {}

  static ObjectNode of(Ports io, Cache cache, Path model) {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    all.set(
        "data",
        io.shards()
            .map(shards -> shards.manifest().settings())
            .orElseGet(() -> Settings.of(io, cache)));
    // Chunks come in another order from shards than from rows that are packed on the way.
    all.put("shards", io.shards().isPresent());
    all.set("model", model(cache, model));
    Map<String, Object> values = ConfigWriter.values(io.config());
    KEYS.forEach(key -> all.set(key, JSON.valueToTree(values.get(key))));
    if (io.config().adapter().usePeft()) {
      ADAPTER_KEYS.forEach(key -> all.set(key, JSON.valueToTree(values.get(key))));
    }
    if (io.shards().isEmpty()) {
      all.put("shuffle_buffer", io.config().chunks().shuffleBuffer());
    }
    return asRead(all);
  }

  /** As a file gives it back, so that it equals what a checkpoint kept: 1 is no long there. */
  private static ObjectNode asRead(ObjectNode made) {
    try {
      return (ObjectNode) JSON.readTree(made.toString());
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }

  /** Configuration and weights; of large files the size must do. */
  private static ObjectNode model(Cache cache, Path folder) {
    ObjectNode model = JsonNodeFactory.instance.objectNode();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.sorted().toList()) {
        String name = file.getFileName().toString();
        if (name.equals("config.json")) {
          model.put(name, cache.sha256(file));
        } else if (name.endsWith(".safetensors")) {
          model.put(name, Files.size(file));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return model;
  }
}
