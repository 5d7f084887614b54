package dev.fluxtune.app.config;

import dev.fluxtune.schemas.ShardFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.SequenceNode;

/** Fills in what follows from other keys or from their absence, and tells of it. */
final class Defaults {
  private static final Path RECIPE = Path.of("pipeline", "recipes", "tiny.yaml");
  private static final Set<String> OWN =
      Set.of("dataset_name", "datasets", "model_name_or_path", "tokenizer_name_or_path");

  private static final List<String> OF_ADAPTERS =
      List.of(
          "lora_r",
          "lora_alpha",
          "lora_dropout",
          "lora_target_modules",
          "lora_modules_to_save",
          "use_rslora");
  private static final List<String> OF_EVALUATION =
      List.of("eval_dataset_name", "test_split_size", "eval_steps");
  private static final List<String> OF_PACKING =
      List.of(
          "completion_only_loss",
          "shuffle_dataset",
          "packing",
          "packing_strategy",
          "max_length",
          "packing_window",
          "tail");
  private static final List<String> OF_4_BITS =
      List.of("bnb_4bit_quant_type", "use_bnb_nested_quant");

  private final Map<String, Given> given;
  private final List<String> notices;

  Defaults(Map<String, Given> given, List<String> notices) {
    this.given = given;
    this.notices = notices;
  }

  /** The recipe of the embedded rows and model, where flags name no others. */
  static Optional<Path> recipe(List<Flag> flags, Optional<Path> home, List<String> notices) {
    if (flags.stream().anyMatch(flag -> OWN.contains(flag.name()))) {
      return Optional.empty();
    }
    Optional<Path> recipe = home.map(it -> it.resolve(RECIPE)).filter(Files::exists);
    recipe.ifPresent(it -> notices.add("no --config: that of the embedded rows, " + it));
    return recipe;
  }

  void fillIn(Optional<Path> home, boolean packs) {
    given("report_to").filter(Defaults::saysNone).ifPresent(it -> given.remove("report_to"));
    given("resume_from_checkpoint")
        .filter(it -> it.isOneOf(List.of("false")))
        .ifPresent(it -> given.remove("resume_from_checkpoint"));
    if (says("eval_strategy", "steps") && given("eval_steps").isEmpty()) {
      put("eval_steps", given("logging_steps").map(Given::found).orElse("10"));
    }
    oneDataSet();
    if (given("eval_dataset_name").isPresent() && given("test_split_size").isPresent()) {
      given.remove("test_split_size");
      notices.add("test_split_size is ignored, since eval_dataset_name is given");
    }
    evaluation();
    home.ifPresent(this::embedded);
    if (packs) {
      packed().ifPresentOrElse(this::already, this::packing);
    }
    best();
    idle("use_peft", OF_ADAPTERS);
    idle("load_in_4bit", OF_4_BITS);
  }

  /** Rows to evaluate on, and nothing that says when: a split would be lost to training alone. */
  private void evaluation() {
    List<String> keys = OF_EVALUATION.stream().filter(it -> given(it).isPresent()).toList();
    if (given("eval_strategy").isEmpty() && !keys.isEmpty()) {
      notices.add(
          "without eval_strategy: epoch or steps nothing is evaluated; given: "
              + String.join(", ", keys));
    }
  }

  /** Where transformers would take the worst for the best. */
  private void best() {
    given("metric_for_best_model")
        .map(it -> BestMetric.logged(it.found()))
        .filter(name -> BestMetric.LESS_IS_BETTER.contains(name) && !name.endsWith("loss"))
        .filter(name -> given("greater_is_better").isEmpty())
        .ifPresent(
            name ->
                notices.add(
                    "greater_is_better is left out: false for %s (transformers' default is true)"
                        .formatted(name)));
  }

  /** Keys that wait for a switch that nobody wrote, on or off: it may have been forgotten. */
  private void idle(String key, List<String> waiting) {
    List<String> idle = waiting.stream().filter(it -> given(it).isPresent()).toList();
    if (given(key).isEmpty() && !idle.isEmpty()) {
      notices.add("without %s: true no effect: %s".formatted(key, String.join(", ", idle)));
    }
  }

  /**
   * Where both are given TRL takes {@code datasets}; only a flag over the file's is another wish.
   */
  private void oneDataSet() {
    Optional<Given> name = given("dataset_name");
    Optional<Given> several = given("datasets").filter(it -> !it.isOneOf(List.of("[]")));
    if (name.isEmpty() || several.isEmpty()) {
      return;
    }
    boolean nameWins = name.get().isFlag() && !several.get().isFlag();
    given.remove(nameWins ? "datasets" : "dataset_name");
    notices.add(
        nameWins
            ? "--dataset_name takes the place of the file's datasets"
            : "dataset_name is ignored, since datasets is given");
  }

  private void embedded(Path home) {
    boolean own = given("datasets").filter(it -> !it.isOneOf(List.of("[]"))).isPresent();
    if (own || given("dataset_name").isPresent()) {
      return;
    }
    Path folder = home.resolve(ConfigParser.EMBEDDED);
    put("dataset_name", folder.toString());
    if (given("model_name_or_path").isPresent() || given("tokenizer_name_or_path").isPresent()) {
      notices.add("no dataset_name: the embedded rows, " + folder);
      return;
    }
    put("model_name_or_path", folder.toString());
    put("tokenizer_name_or_path", folder.resolve("tokenizer").toString());
    notices.add("no dataset_name: the embedded rows, their tokenizer and tiny model, " + folder);
  }

  /** The shards that the rows are, of which no default of packing decides any more. */
  private Optional<String> packed() {
    return given("dataset_name")
        .map(Given::found)
        .filter(it -> Files.exists(Path.of(it, ShardFormat.MANIFEST)));
  }

  /** What was decided when they were packed, and is asked for again, maybe otherwise. */
  private void already(String shards) {
    List<String> keys = OF_PACKING.stream().filter(it -> given(it).isPresent()).toList();
    if (!keys.isEmpty()) {
      notices.add(
          "the chunks of %s are packed already, and stay as they are whatever these say: %s"
              .formatted(shards, String.join(", ", keys)));
    }
  }

  /** The two defaults that are not TRL's. */
  private void packing() {
    boolean packed = given("packing").isEmpty();
    if (packed) {
      notices.add("packing is left out: true (TRL's default is false)");
    }
    if (given("packing_strategy").isEmpty() && (packed || !says("packing", "false"))) {
      notices.add("packing_strategy is left out: wrapped (TRL's default is bfd)");
    }
  }

  private Optional<Given> given(String key) {
    return Optional.ofNullable(given.get(key)).filter(it -> !it.isNull());
  }

  private boolean says(String key, String value) {
    return given(key).filter(it -> it.isOneOf(List.of(value))).isPresent();
  }

  private void put(String key, String value) {
    given.put(key, new Given(0, "--" + key, YamlNodes.scalar(value)));
  }

  private static boolean saysNone(Given value) {
    List<Node> nodes =
        value.node() instanceof SequenceNode list ? list.getValue() : List.of(value.node());
    return nodes.size() == 1 && new Given(0, "", nodes.get(0)).isOneOf(List.of("none"));
  }
}
