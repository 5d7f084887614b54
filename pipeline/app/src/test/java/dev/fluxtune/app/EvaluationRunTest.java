package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.app.config.BestMetric;
import dev.fluxtune.app.watch.WandbRecords;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What a run does with rows that it is not trained on. */
class EvaluationRunTest extends TinyRuns {
  @Test
  void evaluationAndSamplesLeaveTheTrainingAsItIs() throws IOException {
    tiny.whole(output, "max_steps", 6);
    Path watched = folder.resolve("watched");
    tiny.whole(watched, "max_steps", 6, "eval_strategy", "steps", "eval_steps", 2);

    assertThat(TinyRun.weights(watched)).isEqualTo(TinyRun.weights(output));
    assertThat(TinyRun.names(output)).contains("samples.jsonl");
    assertThat(output.resolve("samples.jsonl")).isEmptyFile(); // there is nothing to evaluate on
  }

  @Test
  void evaluationsAreLoggedByThePeersNames() throws IOException {
    tiny.whole(output, "max_steps", 4, "eval_strategy", "steps", "eval_steps", 2);
    JsonNode log = TinyRun.json(output.resolve("checkpoint-4/trainer_state.json"));
    JsonNode last = log.path("log_history").get(5);
    assertThat(last.properties().stream().map(Map.Entry::getKey))
        .filteredOn(name -> !name.equals("step") && !name.equals("epoch"))
        .containsExactlyInAnyOrderElementsOf(BestMetric.NAMES);
    double loss = last.path("eval_loss").doubleValue();
    assertThat(last.path("eval_perplexity").doubleValue()).isEqualTo(Math.exp(loss));
    assertThat(last.path("eval_mean_token_accuracy").doubleValue()).isBetween(0.01, 1.0);
    assertThat(last.path("eval_entropy").doubleValue()).isBetween(0.1, Math.log(4096));
    assertThat(last.path("eval_num_tokens").longValue()).isEqualTo(4 * 2 * 24);
  }

  @Test
  void samplesBeforeTheFirstStepAndAtEachEvaluationAndGoesOnThere() throws IOException {
    Object[] settings = {
      "max_steps",
      6,
      "save_steps",
      3,
      "eval_strategy",
      "steps",
      "eval_steps",
      2,
      "num_samples",
      2,
      "sample_max_new_tokens",
      3,
      "resume_from_checkpoint",
      true
    };
    CommandRun run = tiny.whole(output, settings);
    List<String> whole = Files.readAllLines(output.resolve("samples.jsonl"));
    assertThat(whole).hasSize(4 * 2);
    for (int i = 0; i < whole.size(); i++) {
      JsonNode line = new ObjectMapper().readTree(whole.get(i));
      assertThat(line.path("step").asInt()).isEqualTo(i / 2 * 2);
      assertThat(line.path("row").asInt()).isEqualTo(i % 2 + 1);
      assertThat(line.path("prompt").asText()).endsWith(i % 2 == 0 ? "1 + 0 = " : "2 + 1 = ");
      assertThat(line.path("reference").asText())
          .isEqualTo(i % 2 == 0 ? "1<|end_of_text|>" : "3<|end_of_text|>");
      assertThat(line.path("generation").asText()).isNotEmpty();
      assertThat(line.path("settings").asText()).isEqualTo("greedy, at most 3 new tokens");
    }
    String last = new ObjectMapper().readTree(whole.get(6)).path("generation").asText();
    assertThat(run.out()).contains("  after     " + last.replace("\n", "⏎") + "\n");

    byte[] samples = Files.readAllBytes(output.resolve("samples.jsonl"));
    TinyRun.backTo(output, 3);
    Files.write(output.resolve("samples.jsonl"), samples);
    tiny.whole(output, settings);
    assertThat(Files.readAllLines(output.resolve("samples.jsonl"))).isEqualTo(whole);
  }

  private JsonNode state(long step) throws IOException {
    return TinyRun.json(output.resolve("checkpoint-" + step + "/trainer_state.json"));
  }

  @Test
  void theBestMayBeTheMostAccurate() throws IOException {
    tiny.whole(
        output,
        "max_steps",
        8,
        "eval_strategy",
        "steps",
        "eval_steps",
        2,
        "save_steps",
        2,
        "metric_for_best_model",
        "mean_token_accuracy",
        "load_best_model_at_end",
        true);
    double best = -1;
    long at = 0;
    for (JsonNode log : state(8).path("log_history")) {
      double accuracy = log.path("eval_mean_token_accuracy").asDouble(-1);
      if (accuracy > best) {
        best = accuracy;
        at = log.path("step").asLong();
      }
    }
    assertThat(state(8).path("best_metric").doubleValue()).isEqualTo(best);
    assertThat(state(8).path("best_global_step").longValue()).isEqualTo(at);
    assertThat(TinyRun.weights(output))
        .isEqualTo(TinyRun.weights(output.resolve("checkpoint-" + at)));
  }

  @Test
  void endsEarlyWithItsModelWhereItGetsNoBetterAndCountsOnWhereResumed() throws IOException {
    // A rate that spoils the model: the first evaluation is the best one.
    Object[] settings = {
      "max_steps",
      30,
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
      "load_best_model_at_end",
      true,
      "early_stopping_patience",
      2,
      "report_to",
      "wandb",
      "resume_from_checkpoint",
      true
    };
    CommandRun run = tiny.whole(output, settings);
    long end = newest();
    JsonNode state = state(end);
    long best = state.path("best_global_step").longValue();
    assertThat(end).isBetween(6L, 28L).isGreaterThanOrEqualTo(best + 4);
    JsonNode callback = state.path("stateful_callbacks").path("EarlyStoppingCallback");
    assertThat(callback.path("args").path("early_stopping_patience").intValue()).isEqualTo(2);
    assertThat(callback.path("args").path("early_stopping_threshold").doubleValue()).isZero();
    assertThat(callback.path("attributes").path("early_stopping_patience_counter").intValue())
        .isEqualTo(2);
    String said =
        "step %d: the run ends early: eval_loss has not become better in 2".formatted(end);
    assertThat(run.err()).contains(said).doesNotContain("to go on");
    assertThat(run.out()).contains("model");
    byte[] weights = TinyRun.weights(output);
    assertThat(weights).isEqualTo(TinyRun.weights(output.resolve("checkpoint-" + best)));

    assertThat(tiny.whole(output, settings).err()).contains(said); // nothing is left to do
    assertThat(newest()).isEqualTo(end);
    TinyRun.backTo(output, end - 2);
    assertThat(tiny.whole(output, settings).err()).contains(said);
    assertThat(newest()).isEqualTo(end);
    assertThat(TinyRun.weights(output)).isEqualTo(weights);
    assertThat(exitCodes()).as("of W&B's runs").containsExactly(0L, 0L, 0L);
  }

  private List<Long> exitCodes() throws IOException {
    List<Long> codes = new ArrayList<>();
    try (Stream<Path> files = Files.walk(output.resolve("wandb"))) {
      for (Path file : files.filter(it -> it.toString().endsWith(".wandb")).toList()) {
        List<WandbRecords.Message> records = WandbRecords.read(Files.readAllBytes(file));
        codes.add(records.get(records.size() - 1).message(18).number(1));
      }
    }
    return codes;
  }

  @Test
  void anEvaluationThatACheckpointLacksIsMadeWhereItGoesOn() throws IOException {
    Object[] settings = {
      "max_steps",
      8,
      "learning_rate",
      3.0,
      "lr_scheduler_type",
      "constant",
      "save_steps",
      2,
      "eval_strategy",
      "steps",
      "eval_steps",
      2,
      "load_best_model_at_end",
      true
    };
    tiny.whole(output, settings);
    JsonNode straight = state(8);
    long best = straight.path("best_global_step").longValue();

    Path stopped = folder.resolve("stopped");
    tiny.whole(
        stopped,
        "max_steps",
        8,
        "learning_rate",
        3.0,
        "lr_scheduler_type",
        "constant",
        "save_steps",
        2);
    TinyRun.backTo(stopped, best);
    Object[] resumed = Arrays.copyOf(settings, settings.length + 2);
    resumed[settings.length] = "resume_from_checkpoint";
    resumed[settings.length + 1] = true;
    tiny.whole(stopped, resumed);
    JsonNode state = TinyRun.json(stopped.resolve("checkpoint-8/trainer_state.json"));
    assertThat(state.path("best_global_step").longValue()).isEqualTo(best);
    assertThat(state.path("best_metric")).isEqualTo(straight.path("best_metric"));
    assertThat(TinyRun.weights(stopped)).isEqualTo(TinyRun.weights(output));
  }

  private long newest() {
    return TinyRun.checkpoints(output).stream()
        .mapToLong(it -> Long.parseLong(it.replaceAll("\\D", "")))
        .max()
        .orElseThrow();
  }

  /** The counts of a plan, as {@code --json} tells them. */
  private JsonNode plan(Object... settings) throws IOException {
    List<Object> arguments = new ArrayList<>(List.of("plan", "--json"));
    tiny.settings(output, settings)
        .forEach((name, value) -> arguments.addAll(List.of("--" + name, value)));
    CommandRun plan = CommandRun.of(folder.resolve("cache"), arguments.toArray());
    assertThat(plan.code()).as(plan.err()).isZero();
    return new ObjectMapper().readTree(plan.out());
  }

  private List<String> prompts(Path of) throws IOException {
    List<String> prompts = new ArrayList<>();
    for (String line : Files.readAllLines(of.resolve("samples.jsonl"))) {
      JsonNode sample = new ObjectMapper().readTree(line);
      if (sample.path("step").asInt() == 0) {
        prompts.add(sample.path("prompt").asText() + sample.path("reference").asText());
      }
    }
    return prompts;
  }

  @Test
  void rowsThatAreSetAsideAreEvaluatedOnAndNotTrainedOn() throws IOException {
    Path rows = folder.resolve("numbered.jsonl"); // of which each is another
    List<String> lines = new ArrayList<>();
    for (int i = 100; i < 160; i++) {
      lines.add("{\"prompt\": \"No. %d is \", \"completion\": \"%d\"}".formatted(i, i));
    }
    Files.write(rows, lines);
    Object[] settings = {
      "dataset_name",
      rows,
      "test_split_size",
      0.25,
      "packing",
      false,
      "max_length",
      64,
      "gradient_accumulation_steps",
      1,
      "num_train_epochs",
      1,
      "num_samples",
      100,
      "eval_strategy",
      "epoch",
      "per_device_eval_batch_size",
      4
    };
    CommandRun run = tiny.whole(output, settings);
    assertThat(plan(settings).path("examples").longValue()).isEqualTo(45);
    assertThat(plan(settings).path("total_steps").longValue()).isEqualTo(45);
    assertThat(run.out()).containsPattern("documents +45\n");
    List<String> held = prompts(output);
    assertThat(held).hasSize(15).doesNotHaveDuplicates();

    Path shown = folder.resolve("other");
    assertThat(tiny.call("pack", shown, settings).code()).isZero();
    CommandRun packed = tiny.call("inspect", output, "dataset_name", shown, "count", 100);
    assertThat(packed.code()).as(packed.err()).isZero();
    assertThat(packed.out().lines().filter(it -> it.contains("No. "))).hasSize(45);
    for (String prompt : held) {
      String number = prompt.replaceAll("(?s).*No. (\\d+) is .*", "$1");
      assertThat(packed.out()).doesNotContain("No. " + number);
    }

    Path seeded = folder.resolve("seeded");
    Object[] other = Arrays.copyOf(settings, settings.length + 2);
    other[settings.length] = "data_seed";
    other[settings.length + 1] = 5;
    tiny.whole(seeded, other);
    assertThat(prompts(seeded)).hasSize(15).isNotEqualTo(held);
  }

  @Test
  void aSecondDataSetIsEvaluatedOnFromRowsOrShards() throws IOException {
    Path rows = folder.resolve("held.jsonl");
    Files.writeString(rows, "{\"prompt\": \"6 + 6 = \", \"completion\": \"12\"}\n".repeat(12));
    Object[] settings = {
      "max_steps", 2, "eval_strategy", "steps", "eval_steps", 2, "eval_dataset_name", rows
    };
    tiny.whole(output, settings);
    assertThat(prompts(output)).hasSize(5).allMatch(it -> it.endsWith("6 + 6 = 12<|end_of_text|>"));
    JsonNode ofRows = state(2).path("log_history").get(2);

    Path shards = folder.resolve("shards");
    assertThat(tiny.call("pack", shards, "dataset_name", rows, "tail", "keep").code()).isZero();
    settings[7] = shards;
    output = folder.resolve("of-shards");
    tiny.whole(output, settings);
    assertThat(state(2).path("log_history").get(2).path("eval_loss"))
        .isEqualTo(ofRows.path("eval_loss"));
  }

  @Test
  void preparedRowsAreSampledFromTheirFirstTrainedToken() throws IOException {
    Path rows = Files.createDirectory(folder.resolve("prepared"));
    for (String split : List.of("train", "test")) {
      Files.writeString(
          rows.resolve(split + ".jsonl"),
          "{\"input_ids\": [65, 66, 67, 68, 69], \"completion_mask\": [0, 0, 0, 1, 1]}\n"
              .repeat(40));
    }
    tiny.whole(output, "dataset_name", rows, "max_steps", 1, "eval_strategy", "epoch");
    JsonNode sample =
        new ObjectMapper().readTree(Files.readAllLines(output.resolve("samples.jsonl")).get(0));
    assertThat(sample.path("prompt").asText()).hasSize(3);
    assertThat(sample.path("reference").asText()).hasSize(2);
  }

  @Test
  void severalDataSetsAreEvaluatedOnWhereRowsAreSetAside() throws IOException {
    Path file = tiny.rows().resolve("train.jsonl");
    String several = "[{path: %s}, {path: %s}]".formatted(file, file);
    Object[] settings = {
      "dataset_name", "null", "datasets", several, "max_steps", 1, "eval_strategy", "epoch"
    };
    tiny.run(output, settings).refused("several datasets", "test_split_size");
    Object[] aside = Arrays.copyOf(settings, settings.length + 2);
    aside[settings.length] = "test_split_size";
    aside[settings.length + 1] = 24;
    tiny.whole(output, aside);
    assertThat(prompts(output)).hasSize(5);
  }
}
