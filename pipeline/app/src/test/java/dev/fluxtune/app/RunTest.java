package dev.fluxtune.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.app.config.ConfigParser;
import dev.fluxtune.trainer.checkpoint.SafeTensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** {@code pipeline run} from end to end, at reduced size. */
class RunTest extends TinyRuns {
  private static final String[] MODEL_FILES = {
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json"
  };

  private long totalSteps() {
    CommandRun plan = tiny.call("plan", folder.resolve("plan"));
    assertThat(plan.code()).as(plan.err()).isZero();
    return Long.parseLong(
        plan.out()
            .lines()
            .filter(it -> it.contains("total steps"))
            .findFirst()
            .orElseThrow()
            .replaceAll("\\D", ""));
  }

  /** The last chunk of an epoch, and of what is evaluated on, is shorter. */
  @Test
  void rowsOfIdsNeedNoTokenizerToPadUnequalChunks() throws IOException {
    Path rows =
        Files.writeString(folder.resolve("ids.jsonl"), "{\"input_ids\": [1, 2, 3]}\n".repeat(9));
    Path model = SmallModel.in(folder.resolve("model"));
    CommandRun run =
        CommandRun.of(
            folder.resolve("cache"),
            "run",
            "--dataset_name=" + rows,
            "--model_name_or_path=" + model,
            "--max_length=8",
            "--tail=keep",
            "--per_device_train_batch_size=2",
            "--eval_strategy=epoch",
            "--eval_dataset_name=" + rows,
            "--output_dir=" + output);
    assertThat(run.code()).as(run.err()).isZero();
  }

  @Test
  void goesFromRowsToAModelsFolder() throws IOException {
    CommandRun run = tiny.whole(output, "save_strategy", "epoch");
    long steps = totalSteps();

    assertThat(steps).isEven();
    assertThat(TinyRun.checkpoints(output))
        .containsExactlyInAnyOrder("checkpoint-" + steps / 2, "checkpoint-" + steps);
    assertThat(TinyRun.names(output)).contains("config.yaml").contains(MODEL_FILES);
    Path last = output.resolve("checkpoint-" + steps);
    assertThat(TinyRun.names(last)).contains("trainer_state.json").contains(MODEL_FILES);
    assertThat(last.resolve(TinyRun.WEIGHTS)).hasBinaryContent(TinyRun.weights(output));
    assertThat(TinyRun.names(output)).noneMatch(it -> it.endsWith(".tmp") || it.endsWith(".old"));
    assertThat(run.out()).contains("before", "after", "tokens/s", output.toString());

    JsonNode state = TinyRun.json(last.resolve("trainer_state.json"));
    assertThat(state.path("global_step").asLong()).isEqualTo(steps);
    assertThat(state.path("max_steps").asLong()).isEqualTo(steps);
    assertThat(state.path("epoch").asDouble()).isEqualTo(2.0);
    JsonNode history = state.path("log_history");
    assertThat(history).hasSize((int) steps);
    List<Double> losses = new ArrayList<>();
    for (int i = 0; i < steps; i++) {
      assertThat(history.get(i).path("step").asLong()).isEqualTo(i + 1);
      assertThat(history.get(i).path("grad_norm").asDouble()).isPositive();
      assertThat(history.get(i).path("tokens_per_second").asDouble()).isBetween(1.0, 1e7);
      assertThat(history.get(i).path("data_wait").asDouble(-1)).isBetween(0.0, 1.0);
      assertThat(history.get(i).has("mfu")).isFalse(); // on the CPU
      losses.add(history.get(i).path("loss").asDouble());
    }
    assertThat(history.get(0).path("learning_rate").asDouble()).isEqualTo(2e-3, within(1e-9));
    assertThat(mean(losses.subList(losses.size() - 5, losses.size())))
        .as("losses " + losses)
        .isLessThan(0.6 * mean(losses.subList(0, 5)));
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(it -> it).average().orElseThrow();
  }

  private static JsonNode untimed(List<String> lines) throws IOException {
    return TinyRun.untimed(new ObjectMapper().readTree(lines.toString()));
  }

  @Test
  void logsWhatItsCheckpointsKeepAndGoesOnThere() throws IOException {
    tiny.whole(output, "max_steps", 9, "save_steps", 4, "report_to", "tensorboard");
    List<String> whole = Files.readAllLines(output.resolve("log.jsonl"));
    JsonNode history =
        TinyRun.json(output.resolve("checkpoint-8/trainer_state.json")).path("log_history");
    assertThat(whole).hasSize(9);
    for (int i = 0; i < 8; i++) {
      JsonNode line = new ObjectMapper().readTree(whole.get(i));
      assertThat(line).hasSameSizeAs(history.get(i));
      for (Map.Entry<String, JsonNode> kept : history.get(i).properties()) {
        assertThat(line.path(kept.getKey()).asDouble())
            .as(kept.getKey())
            .isEqualTo(kept.getValue().asDouble());
      }
    }
    assertThat(output.resolve("runs")).isNotEmptyDirectory();
    TinyRun.backTo(output, 4);
    tiny.whole(output, "max_steps", 9, "save_steps", 4, "resume_from_checkpoint", true);
    List<String> resumed = Files.readAllLines(output.resolve("log.jsonl"));
    assertThat(resumed.subList(0, 4)).isEqualTo(whole.subList(0, 4));
    assertThat(untimed(resumed)).isEqualTo(untimed(whole));
  }

  @Test
  void logsTheLastEpochByEpochsThoughItBeNotWhole() throws IOException {
    tiny.whole(output, "num_train_epochs", 0.5, "logging_strategy", "epoch");
    List<String> logs = Files.readAllLines(output.resolve("log.jsonl"));
    assertThat(logs).hasSize(1); // as transformers, which ends an epoch where it stops too
    assertThat(new ObjectMapper().readTree(logs.get(0)).path("step").asLong())
        .isEqualTo((totalSteps() + 3) / 4);
  }

  @Test
  void writesAConfigurationThatSaysTheSame() {
    Object[] changes = {"max_steps", 1, "warmup_steps", 0.25, "save_total_limit", 3};
    tiny.whole(output, changes);
    Path file = output.resolve("config.yaml");

    assertThat(
            ConfigParser.parse(Optional.of(file), List.of(), List.of(), Optional.empty()).config())
        .isEqualTo(Configs.of(tiny.settings(output, changes)));
  }

  @Test
  void writesAModelThatEndsWithTheTokenItLearntToEndWith() throws IOException {
    Path out = folder.resolve("ending");
    tiny.whole(out, "max_steps", 1, "eos_token", "hot");
    Path shards = folder.resolve("ending by hot");
    assertThat(tiny.call("pack", shards, "eos_token", "hot").code()).isZero();
    Path ofShards = folder.resolve("of shards");
    tiny.whole(ofShards, "max_steps", 1, "dataset_name", shards);
    for (Path model : List.of(out, out.resolve("checkpoint-1"), ofShards)) {
      assertThat(Files.readString(model.resolve("config.json"))).contains("\"eos_token_id\" : 500");
      assertThat(Files.readString(model.resolve("generation_config.json")))
          .containsPattern("eos_token_id\" : \\[ 500, 501 ]");
    }
    assertThat(Files.readString(out.resolve("tokenizer_config.json")))
        .contains("\"eos_token\" : \"hot\"");
  }

  @Test
  void endsWithTheSameBytesForTheSameSeedAndOthersForAnother() throws IOException {
    tiny.whole(output, "max_steps", 6);
    tiny.whole(folder.resolve("again"), "max_steps", 6, "dataset_num_proc", 1);
    tiny.whole(folder.resolve("other"), "max_steps", 6, "seed", 7);

    assertThat(TinyRun.weights(folder.resolve("again"))).isEqualTo(TinyRun.weights(output));
    assertThat(TinyRun.weights(folder.resolve("other"))).isNotEqualTo(TinyRun.weights(output));
  }

  @Test
  void wholeBatchesFitOnTheCpuWhereTheirSizeIsToBeFound() throws IOException {
    Object[] settings = {"max_steps", 3, "per_device_train_batch_size", 4, "eval_strategy", "no"};
    tiny.whole(output, settings);
    settings[4] = "auto_find_batch_size";
    settings[5] = true;
    Path found = folder.resolve("found");
    tiny.whole(found, settings);
    assertThat(TinyRun.weights(found)).isEqualTo(TinyRun.weights(output));
  }

  @Test
  void neitherTrainsNorWritesInADryRun() {
    CommandRun run = tiny.whole(output, "dry_run", true);

    assertThat(run.err()).contains("dry run", "parameters", "total steps");
    assertThat(output).doesNotExist();
  }

  @Test
  void saysWhereChunksAreLongerThanTheModelWasMadeFor() {
    String word = "max_position_embeddings";
    assertThat(tiny.whole(output, "dry_run", true, "max_length", 512).err()).doesNotContain(word);
    assertThat(tiny.whole(output, "dry_run", true, "max_length", 513).err())
        .containsOnlyOnce("note: chunks have 513 tokens, and the model was made for 512 positions")
        .contains(word);
  }

  @Test
  void keepsAsManyCheckpointsAsAsked() {
    tiny.whole(output, "max_steps", 7, "save_steps", 2, "save_total_limit", 2);

    assertThat(TinyRun.checkpoints(output)).containsExactly("checkpoint-6", "checkpoint-7");
  }

  @Test
  void writesTheModelAloneWhereNoCheckpointIsWished() {
    tiny.whole(output, "max_steps", 2, "save_strategy", "no");

    assertThat(TinyRun.checkpoints(output)).isEmpty();
    assertThat(TinyRun.names(output)).contains(MODEL_FILES);
  }

  @Test
  void endsWithTheBestCheckpointWhereThatIsWished() throws IOException {
    // A rate that spoils the model: the first evaluation is the best one.
    tiny.whole(
        output,
        "max_steps",
        8,
        "learning_rate",
        3.0,
        "lr_scheduler_type",
        "constant",
        "eval_strategy",
        "steps",
        "eval_steps",
        2,
        "save_steps",
        2,
        "save_total_limit",
        1,
        "load_best_model_at_end",
        true);

    JsonNode state = TinyRun.json(output.resolve("checkpoint-8/trainer_state.json"));
    double best = Double.POSITIVE_INFINITY;
    long at = 0;
    for (JsonNode log : state.path("log_history")) {
      if (log.has("eval_loss") && log.path("eval_loss").asDouble() < best) {
        best = log.path("eval_loss").asDouble();
        at = log.path("step").asLong();
      }
    }
    assertThat(at).isBetween(2L, 6L);
    assertThat(state.path("best_metric").asDouble()).isEqualTo(best);
    assertThat(state.path("best_global_step").asLong()).isEqualTo(at);
    assertThat(TinyRun.checkpoints(output)).containsExactly("checkpoint-" + at, "checkpoint-8");
    assertThat(TinyRun.weights(output))
        .isEqualTo(TinyRun.weights(output.resolve("checkpoint-" + at)))
        .isNotEqualTo(TinyRun.weights(output.resolve("checkpoint-8")));
  }

  @Test
  void takesTheBestOfThoseThatWereWritten() throws IOException {
    CommandRun run =
        tiny.whole(
            output,
            "max_steps",
            6,
            "learning_rate",
            3.0,
            "lr_scheduler_type",
            "constant",
            "eval_strategy",
            "steps",
            "eval_steps",
            1,
            "save_steps",
            2,
            "load_best_model_at_end",
            true);

    JsonNode state = TinyRun.json(output.resolve("checkpoint-6/trainer_state.json"));
    long best = state.path("best_global_step").asLong();
    assertThat(run.err()).contains("the best model was that of step " + best);
    assertThat(best % 2).isZero();
    assertThat(TinyRun.weights(output))
        .isEqualTo(TinyRun.weights(output.resolve("checkpoint-" + best)));
  }

  @Test
  void leavesFrozenWeightsAsTheyWereDrawn() throws IOException {
    tiny.whole(output, "max_steps", 1, "learning_rate", 0);
    tiny.whole(folder.resolve("last"), "max_steps", 4, "unfrozen_layers", 1);

    SafeTensors drawn = SafeTensors.read(output.resolve(TinyRun.WEIGHTS));
    SafeTensors trained = SafeTensors.read(folder.resolve("last").resolve(TinyRun.WEIGHTS));
    assertThat(trained.tensors().keySet()).isEqualTo(drawn.tensors().keySet());
    for (String name : drawn.tensors().keySet()) {
      boolean moved = !Arrays.equals(bytes(drawn, name), bytes(trained, name));
      assertThat(moved).as(name).isEqualTo(name.startsWith("model.layers.1."));
    }
  }

  private static byte[] bytes(SafeTensors file, String name) throws IOException {
    byte[] all = Files.readAllBytes(file.file());
    SafeTensors.Tensor tensor = file.tensors().get(name);
    int from = Math.toIntExact(tensor.start());
    return Arrays.copyOfRange(all, from, Math.toIntExact(tensor.end()));
  }

  @Test
  void warnsOnceOfALossThatIsNoNumberAndCountsSuchSteps() {
    CommandRun run = tiny.whole(output, "learning_rate", 1e30, "max_steps", 4, "max_grad_norm", 0);
    assertThat(run.err())
        .containsOnlyOnce("and nothing better comes after it")
        .contains("lower learning_rate");
    assertThat(run.out()).containsPattern("steps of loss NaN +[1-4]\\b");
  }

  @Test
  void saysThatTheRowsHaveChangedSinceTheyWereCounted() throws IOException {
    Path rows = tiny.rows().resolve("train.jsonl");
    assertThat(tiny.call("plan", output).code()).isZero();
    FileTime time = Files.getLastModifiedTime(rows);
    byte[] before = Files.readAllBytes(rows);
    byte[] after = Files.readString(rows).replaceFirst("0 \\+ 0 = ", "response").getBytes(UTF_8);
    assertThat(after).hasSameSizeAs(before).isNotEqualTo(before);
    Files.write(rows, after); // of other tokens
    Files.setLastModifiedTime(rows, time); // as if it had been counted just before

    tiny.run(output).refused("changed since they were counted", "pipeline pack");
  }
}
