package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.app.config.ConfigWriter;
import dev.fluxtune.app.config.Key;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.RunConfig.PackingStrategy;
import java.io.IOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every key is tried: it is part of what tells chunks and runs apart, or named here as none. */
class RunSettingsTest {
  private static final String ROWS =
      "{\"prompt\": \"1 + 1 = \", \"completion\": \"2\", \"note\": \"two\"}\n".repeat(8);
  private static final Path MODEL = Configs.HOME.resolve("datasets/tiny-tasks");

  /** Not tried: of files the content counts. */
  private static final Set<String> FILES =
      Set.of(
          "model_name_or_path",
          "tokenizer_name_or_path",
          "dataset_name",
          "datasets",
          "dataset_train_split");

  /** What decides neither on chunks nor on weights. */
  private static final Set<String> OF_NOTHING =
      Set.of(
          "tokenizer_backend", // other ways to the same ids
          "dataset_num_proc",
          "prefetch",
          "dataset_test_split", // to evaluate on
          "eval_dataset_name",
          "eval_packing",
          "per_device_eval_batch_size",
          "optim", // one implementation
          "gradient_checkpointing",
          "auto_find_batch_size"); // a step is of as many chunks

  /** What makes other weights of the same chunks, but for training and adapters, which all do. */
  private static final Set<String> OF_WEIGHTS =
      Set.of(
          "dtype",
          "unfrozen_layers",
          "train_head",
          "packed_attention",
          "train_sampling_strategy",
          "shuffle_buffer",
          "per_device_train_batch_size",
          "gradient_accumulation_steps",
          "dataloader_drop_last");

  private static final Set<String> SEEDS = Set.of("seed", "data_seed");

  @TempDir Path folder;
  private Cache cache;
  private RunConfig config;

  @BeforeEach
  void configure() throws IOException {
    Path rows = Files.writeString(folder.resolve("rows.jsonl"), ROWS);
    cache = new Cache(folder.resolve("cache"));
    RunConfig given =
        Configs.of(
            "dataset_name",
            rows,
            "model_name_or_path",
            MODEL,
            "tokenizer_name_or_path",
            MODEL.resolve("tokenizer"));
    // So that keys count which do for some settings alone.
    config =
        Key.changed(
            given,
            Map.of("test_split_size", Optional.of(0.5), "shuffle_dataset", true, "use_peft", true));
  }

  @Test
  void whatDecidesOnChunksIsPartOfTheirFingerprint() throws IOException {
    Set<String> expected = keys(Key.Group.MODEL, Key.Group.DATA, Key.Group.CHUNKS);
    expected.removeAll(OF_WEIGHTS);
    expected.addAll(SEEDS);
    assertThat(changing(io -> Settings.of(io, cache)))
        .containsExactlyInAnyOrderElementsOf(expected);
  }

  @Test
  void whatDecidesOnWeightsIsPartOfTheRuns() throws IOException {
    Set<String> expected = keys(Key.Group.values());
    expected.removeAll(keys(Key.Group.OUTPUT));
    assertThat(changing(io -> RunSettings.of(io, cache, MODEL)))
        .containsExactlyInAnyOrderElementsOf(expected);
  }

  @Test
  void ofFilesTheContentCountsAndTheLastName() throws IOException {
    Path other = Files.createDirectory(folder.resolve("other"));
    Path rows = Files.writeString(other.resolve("rows.jsonl"), ROWS);
    Map<String, Object> elsewhere = Map.of("dataset_name", Optional.of(rows.toString()));
    assertThat(chunks(elsewhere)).isEqualTo(chunks(Map.of()));
    Files.writeString(rows, ROWS.replace("2", "3"));
    assertThat(chunks(elsewhere)).isNotEqualTo(chunks(Map.of()));

    String tokenizer = Files.readString(MODEL.resolve("tokenizer/tokenizer.json"));
    Path changed = Files.writeString(other.resolve("tokenizer.json"), tokenizer + "\n");
    assertThat(
            chunks(
                Map.of(
                    "tokenizer_name_or_path",
                    Optional.of(changed.toString()),
                    "concat_token_id",
                    Optional.of(501))))
        .isNotEqualTo(chunks(Map.of()));
  }

  @Test
  void whatIdsArePaddedWithCounts() throws IOException {
    Path ids = Files.writeString(folder.resolve("ids.jsonl"), "{\"input_ids\": [1, 2]}\n");
    assertThat(padded(ids, 1)).isEqualTo(padded(ids, 1)).isNotEqualTo(padded(ids, 2));
  }

  @Test
  void theColumnOfTextAndTheColumnsKeptCount() {
    assertThat(chunks(Map.of("dataset_text_field", "note")))
        .isNotEqualTo(chunks(Map.of("dataset_text_field", "completion")));
    RunConfig.Source all =
        new RunConfig.Source(
            config.data().datasetName().orElseThrow(), Optional.empty(), List.of());
    RunConfig.Source some =
        new RunConfig.Source(all.path(), all.split(), List.of("prompt", "completion"));
    assertThat(chunks(Map.of("datasets", List.of(some))))
        .isNotEqualTo(chunks(Map.of("datasets", List.of(all))));
  }

  private ObjectNode padded(Path ids, int with) {
    RunConfig padding =
        Configs.of("dataset_name", ids, "concat_token_id", with, "tail", "pad", "max_length", 8);
    return of(padding, io -> Settings.of(io, cache));
  }

  private ObjectNode chunks(Map<String, Object> changes) {
    return of(Key.changed(config, changes), io -> Settings.of(io, cache));
  }

  private static Set<String> keys(Key.Group... groups) {
    Set<String> names =
        Key.all().stream()
            .filter(key -> Arrays.asList(groups).contains(key.group()))
            .map(Key::name)
            .collect(Collectors.toCollection(HashSet::new));
    names.removeAll(FILES);
    names.removeAll(OF_NOTHING);
    return names;
  }

  /** The keys of which another value makes other settings, in one packing or the other. */
  private Set<String> changing(Function<Ports, ObjectNode> settings) throws IOException {
    Set<String> changing = new HashSet<>();
    for (PackingStrategy packing : Set.of(PackingStrategy.WRAPPED, PackingStrategy.BFD)) {
      RunConfig from = Key.changed(config, Map.of("packing_strategy", packing));
      ObjectNode before = of(from, settings);
      for (Key key : Key.all()) {
        if (FILES.contains(key.name())) {
          continue;
        }
        RunConfig other = Key.changed(from, Map.of(key.name(), other(key)));
        if (!of(other, settings).equals(before)) {
          changing.add(key.name());
        }
      }
    }
    return changing;
  }

  private static ObjectNode of(RunConfig config, Function<Ports, ObjectNode> settings) {
    try (Ports io = Ports.open(config, Configs.SILENT)) {
      return settings.apply(io);
    }
  }

  private Object other(Key key) throws IOException {
    Path template = Files.writeString(folder.resolve("template"), "{prompt} is {completion}");
    Map<String, Object> ofFiles =
        Map.of(
            "dataset_text_field",
            "note",
            "column_mapping",
            Map.of("note", "remark"),
            "template",
            template.toString(),
            "eos_token",
            "a",
            "concat_token_id",
            3);
    Object value = Objects.requireNonNullElseGet(ofFiles.get(key.name()), () -> other(key, config));
    return key.optional() ? Optional.of(value) : value;
  }

  private static Object other(Key key, RunConfig config) {
    if (key.isBoolean()) {
      // Unset, completions are what is trained.
      boolean now = !Boolean.FALSE.equals(ConfigWriter.values(config).get(key.name()));
      return !now;
    }
    Type type = key.type();
    if (type instanceof ParameterizedType it) {
      return it.getRawType() == Map.class ? Map.of("a", 0.125) : List.of("a");
    }
    if (type instanceof Class<?> it && it.isEnum()) {
      return it.getEnumConstants()[it.getEnumConstants().length - 1];
    }
    if (type == String.class) {
      return "other";
    }
    if (type == int.class || type == Integer.class) {
      return 7;
    }
    return type == long.class || type == Long.class ? 7L : (Object) 0.125;
  }
}
