package dev.fluxtune.trainer.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What transformers' trainer knows of a run: {@code trainer_state.json}, which its {@code
 * TrainerState.load_from_json} reads.
 *
 * @param globalStep updates that were made
 * @param maxSteps updates of the whole run
 * @param epoch how many epochs lie behind, with fractions
 * @param numTrainEpochs epochs of the whole run, rounded up
 * @param trainBatchSize chunks in a micro-batch
 * @param loggingSteps every how many steps the run logs; the other two likewise
 * @param numInputTokensSeen tokens of all batches that lie behind
 * @param best the checkpoint that evaluated best, where that is watched
 * @param patience how early stopping stands, where the run may stop early
 * @param logHistory all that was logged, in order
 */
public record TrainerState(
    long globalStep,
    long maxSteps,
    double epoch,
    long numTrainEpochs,
    int trainBatchSize,
    long loggingSteps,
    long evalSteps,
    long saveSteps,
    long numInputTokensSeen,
    Optional<Best> best,
    Optional<Patience> patience,
    List<Log> logHistory) {

  /**
   * The best evaluation.
   *
   * @param checkpoint the folder of its weights
   */
  public record Best(double metric, long step, String checkpoint) {}

  /**
   * The state of {@code EarlyStoppingCallback}.
   *
   * @param counter evaluations on end that were not better than the best
   */
  public record Patience(int patience, double threshold, int counter) {}

  /**
   * What was logged at a step.
   *
   * @param values by transformers' names: {@code loss}, {@code grad_norm}, {@code learning_rate},
   *     {@code eval_loss}, …
   */
  public record Log(long step, double epoch, Map<String, Double> values) {
    public Log {
      values = Map.copyOf(values);
    }

    /** Whether an evaluation logged it. */
    public boolean isEvaluation() {
      return values.containsKey("eval_loss");
    }
  }

  private static final String EARLY_STOPPING = "EarlyStoppingCallback";
  private static final String COUNTER = "early_stopping_patience_counter";

  /** Python writes and reads NaN and Infinity as they are. */
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS)
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  public TrainerState {
    logHistory = List.copyOf(logHistory);
  }

  String toJson() {
    Map<String, JsonNode> keys = new TreeMap<>(); // sorted, as transformers does
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("global_step", globalStep);
    json.put("max_steps", maxSteps);
    json.put("epoch", epoch);
    json.put("num_train_epochs", numTrainEpochs);
    json.put("train_batch_size", trainBatchSize);
    json.put("logging_steps", loggingSteps);
    json.put("eval_steps", evalSteps);
    json.put("save_steps", saveSteps);
    json.put("num_input_tokens_seen", numInputTokensSeen);
    json.put("total_flos", 0.0);
    json.put("best_metric", best.map(Best::metric).orElse(null));
    json.put("best_global_step", best.map(Best::step).orElse(null));
    json.put("best_model_checkpoint", best.map(Best::checkpoint).orElse(null));
    json.put("is_local_process_zero", true);
    json.put("is_world_process_zero", true);
    json.put("is_hyper_param_search", false);
    json.putNull("trial_name");
    json.putNull("trial_params");
    json.set("stateful_callbacks", callbacks());
    for (Log log : logHistory) {
      ObjectNode entry = json.withArray("log_history").addObject();
      Map<String, Double> sorted = new TreeMap<>(log.values());
      sorted.put("epoch", log.epoch());
      sorted.forEach(entry::put);
      entry.put("step", log.step());
    }
    json.withArray("log_history");
    json.properties().forEach(entry -> keys.put(entry.getKey(), entry.getValue()));
    try {
      return JSON.writeValueAsString(keys) + "\n";
    } catch (JsonProcessingException e) {
      throw new AssertionError("a tree of numbers and texts can be written", e);
    }
  }

  /** What its trainer restores: nothing that would stop it, but for the state of early stopping. */
  private ObjectNode callbacks() {
    ObjectNode callbacks = JsonNodeFactory.instance.objectNode();
    ObjectNode control = callbacks.putObject("TrainerControl");
    ObjectNode flags = control.putObject("args");
    for (String flag : List.of("epoch_stop", "evaluate", "log", "save", "training_stop")) {
      flags.put("should_" + flag, false);
    }
    control.putObject("attributes");
    patience.ifPresent(
        it -> {
          ObjectNode stopping = callbacks.putObject(EARLY_STOPPING);
          stopping
              .putObject("args")
              .put("early_stopping_patience", it.patience())
              .put("early_stopping_threshold", it.threshold());
          stopping.putObject("attributes").put(COUNTER, it.counter());
        });
    return callbacks;
  }

  /**
   * Reads the text of the file, whoever wrote it.
   *
   * @throws BadInputException if it is none
   */
  static TrainerState fromJson(String text, Path where) {
    JsonNode json;
    try {
      json = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new BadInputException(where + " is no JSON: " + Reason.of(e), e);
    }
    if (!json.path("global_step").isIntegralNumber()) {
      throw new BadInputException(where + " has no global_step: go on from another checkpoint");
    }
    List<Log> logs = new ArrayList<>();
    json.path("log_history").forEach(entry -> logs.add(log(entry)));
    Optional<Best> best =
        json.path("best_metric").isNumber()
            ? Optional.of(
                new Best(
                    json.path("best_metric").asDouble(),
                    json.path("best_global_step").asLong(),
                    json.path("best_model_checkpoint").asText("")))
            : Optional.empty();
    return new TrainerState(
        json.path("global_step").asLong(),
        json.path("max_steps").asLong(),
        json.path("epoch").asDouble(),
        json.path("num_train_epochs").asLong(),
        json.path("train_batch_size").asInt(),
        json.path("logging_steps").asLong(),
        json.path("eval_steps").asLong(),
        json.path("save_steps").asLong(),
        json.path("num_input_tokens_seen").asLong(),
        best,
        patience(json.path("stateful_callbacks").path(EARLY_STOPPING)),
        logs);
  }

  private static Optional<Patience> patience(JsonNode callback) {
    JsonNode arguments = callback.path("args");
    JsonNode counter = callback.path("attributes").path(COUNTER);
    return counter.isIntegralNumber()
        ? Optional.of(
            new Patience(
                arguments.path("early_stopping_patience").asInt(),
                arguments.path("early_stopping_threshold").asDouble(),
                counter.asInt()))
        : Optional.empty();
  }

  private static Log log(JsonNode entry) {
    Map<String, Double> values = new TreeMap<>();
    for (Map.Entry<String, JsonNode> value : entry.properties()) {
      if (value.getValue().isNumber()
          && !value.getKey().equals("step")
          && !value.getKey().equals("epoch")) {
        values.put(value.getKey(), value.getValue().asDouble());
      }
    }
    return new Log(entry.path("step").asLong(), entry.path("epoch").asDouble(), values);
  }
}
