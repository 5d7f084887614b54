package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Runs of the embedded tiny model on a few rows, for tests: of 20 steps an epoch, a second each.
 */
final class TinyRun {
  static final Path MODEL = Configs.HOME.resolve("datasets/tiny-tasks");
  static final String WEIGHTS = "model.safetensors";

  private static final int ROWS = 120;

  /** As Python reads it: a perplexity may be infinite. */
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private final Path folder;
  private final Path rows;

  /** Writes the rows into a folder. */
  TinyRun(Path folder) throws IOException {
    this.folder = folder;
    this.rows = Files.createDirectory(folder.resolve("rows"));
    Files.write(rows.resolve("train.jsonl"), sums(0, ROWS));
    Files.write(rows.resolve("test.jsonl"), sums(ROWS, 12));
  }

  private static List<String> sums(int from, int count) {
    List<String> rows = new ArrayList<>();
    for (int i = from; i < from + count; i++) {
      int a = i % 7;
      int b = i % 5;
      rows.add("{\"prompt\": \"%d + %d = \", \"completion\": \"%d\"}".formatted(a, b, a + b));
    }
    return rows;
  }

  Path rows() {
    return rows;
  }

  /** Trains, with changes of the settings: names and values in turn. */
  CommandRun run(Path output, Object... changes) {
    return call("run", output, changes);
  }

  /** Trains, and must come to its end. */
  CommandRun whole(Path output, Object... changes) {
    CommandRun run = run(output, changes);
    assertThat(run.code()).as(run.err()).isZero();
    return run;
  }

  CommandRun call(String verb, Path output, Object... changes) {
    List<Object> arguments = new ArrayList<>(List.of(verb));
    settings(output, changes)
        .forEach((name, value) -> arguments.addAll(List.of("--" + name, value)));
    return CommandRun.of(folder.resolve("cache"), arguments.toArray());
  }

  /** The settings of a run, with changes: names and values in turn. */
  Map<String, Object> settings(Path output, Object... changes) {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("dataset_name", rows);
    settings.put("model_name_or_path", MODEL);
    settings.put("tokenizer_name_or_path", MODEL.resolve("tokenizer"));
    settings.put("packing_strategy", "wrapped");
    settings.put("max_length", 24);
    settings.put("per_device_train_batch_size", 1);
    settings.put("gradient_accumulation_steps", 2);
    settings.put("num_train_epochs", 2);
    settings.put("learning_rate", 2e-3);
    settings.put("gradient_checkpointing", false);
    settings.put("logging_steps", 1);
    settings.put("output_dir", output);
    for (int i = 0; i < changes.length; i += 2) {
      settings.put(changes[i].toString(), changes[i + 1]);
    }
    return settings;
  }

  static byte[] weights(Path output) throws IOException {
    return Files.readAllBytes(output.resolve(WEIGHTS));
  }

  static JsonNode json(Path file) throws IOException {
    return JSON.readTree(Files.readString(file));
  }

  /** Logs without what no two runs have in common. */
  static JsonNode untimed(JsonNode logs) {
    for (JsonNode log : logs) {
      ((ObjectNode) log).remove(List.of("tokens_per_second", "data_wait"));
    }
    return logs;
  }

  /** Names of what lies in a folder, hidden files too. */
  static List<String> names(Path folder) {
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(it -> it.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<String> checkpoints(Path folder) {
    return names(folder).stream().filter(it -> it.startsWith("checkpoint-")).toList();
  }

  /**
   * Leaves of a run what it had when a checkpoint was written: neither later ones nor the model.
   */
  static void backTo(Path output, long step) throws IOException {
    for (String name : names(output)) {
      boolean later =
          name.startsWith("checkpoint-")
              && Long.parseLong(name.substring("checkpoint-".length())) > step;
      if (later || Files.isRegularFile(output.resolve(name))) {
        delete(output.resolve(name));
      }
    }
    assertThat(checkpoints(output)).contains("checkpoint-" + step);
  }

  /** Deletes a file, or a folder with all that it holds. */
  static void delete(Path path) throws IOException {
    try (Stream<Path> files = Files.walk(path)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
