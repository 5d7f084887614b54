package dev.fluxtune.app;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.app.command.Generation;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.trainer.generate.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * How a model wants to be asked: {@code generation_config.json} of its folder. Flags stand over it;
 * what neither says is as in transformers.
 */
final class GenerationConfig {
  private static final String NAME = "generation_config.json";
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Read here, or without a meaning for what is written. */
  private static final Set<String> KNOWN =
      Set.of(
          "do_sample",
          "temperature",
          "top_k",
          "top_p",
          "repetition_penalty",
          "eos_token_id",
          "bos_token_id",
          "pad_token_id",
          "max_length", // a flag, or its default, says how much is written
          "max_new_tokens",
          "use_cache",
          "transformers_version",
          "_from_model_config");

  private final Path file;
  private final JsonNode tree;
  private final JsonNode model;

  private GenerationConfig(Path folder) {
    this.file = folder.resolve(NAME);
    this.tree = tree(file);
    this.model = tree(folder.resolve("config.json"));
  }

  /** Reads that of a model's folder; where there is none, nothing is said. */
  static GenerationConfig read(Path folder) {
    return new GenerationConfig(folder);
  }

  private static JsonNode tree(Path file) {
    try {
      return Files.exists(file) ? JSON.readTree(Files.readAllBytes(file)) : JSON.missingNode();
    } catch (JacksonException e) {
      throw new BadInputException(file + ": is no JSON (" + Reason.of(e) + ")", e);
    } catch (IOException e) {
      throw new BadInputException(file + ": cannot be read (" + Reason.of(e) + ")", e);
    }
  }

  /**
   * How tokens are chosen.
   *
   * @param endId the token that ends a document: the model learnt to stop with it
   */
  Sampling sampling(Generation asked, int endId, long seed) {
    Set<Integer> ends = new HashSet<>(ends());
    ends.add(endId);
    boolean draw = draws(asked);
    double temperature = draw ? asked.temperature().orElseGet(() -> number("temperature", 1)) : 1;
    int topK = draw ? asked.topK().orElseGet(() -> (int) number("top_k", 50)) : 0;
    double topP = draw ? asked.topP().orElseGet(() -> number("top_p", 1)) : 1;
    double penalty = asked.repetitionPenalty().orElseGet(() -> number("repetition_penalty", 1));
    try {
      return new Sampling(draw, temperature, topK, topP, penalty, asked.maxNewTokens(), ends, seed);
    } catch (BadInputException e) {
      // Flags were checked when they were read, so the value stands in the file.
      throw new BadInputException(
          "%s: %s; correct the file, or give the flag".formatted(file, e.getMessage()), e);
    }
  }

  private boolean draws(Generation asked) {
    return asked.doSample().orElseGet(() -> said("do_sample").map(this::flag).orElse(false));
  }

  private boolean flag(JsonNode value) {
    if (!value.isBoolean()) {
      throw new BadInputException(
          file + ": do_sample must be true or false (got " + value + "); correct the file");
    }
    return value.booleanValue();
  }

  private double number(String key, double otherwise) {
    Optional<JsonNode> value = said(key);
    if (value.isPresent() && !value.get().isNumber()) {
      throw new BadInputException(
          "%s: %s must be a number (got %s); correct the file, or give --%s"
              .formatted(file, key, value.get(), key));
    }
    return value.map(JsonNode::doubleValue).orElse(otherwise);
  }

  private Optional<JsonNode> said(String key) {
    return Optional.of(tree.path(key)).filter(it -> !it.isMissingNode() && !it.isNull());
  }

  /** One or several, as transformers takes them: of this file, else of the model's. */
  private Set<Integer> ends() {
    JsonNode ends = said("eos_token_id").orElseGet(() -> model.path("eos_token_id"));
    Set<Integer> ids = new HashSet<>();
    if (ends.isInt()) {
      ids.add(ends.intValue());
    }
    ends.forEach(id -> ids.add(id.intValue()));
    return ids;
  }

  /** transformers writes out what is off, too. */
  private static boolean says(JsonNode value) {
    return !value.isNull() && !(value.isBoolean() && !value.booleanValue());
  }

  /** What a person should know of how it was read, a sentence each. */
  List<String> notices(Generation asked) {
    List<String> notices = new ArrayList<>();
    List<String> others =
        tree.properties().stream()
            .filter(entry -> !KNOWN.contains(entry.getKey()) && says(entry.getValue()))
            .map(Map.Entry::getKey)
            .toList();
    if (!others.isEmpty()) {
      notices.add(file + ": without effect here: " + String.join(", ", others));
    }
    List<String> idle =
        Stream.of(
                asked.temperature().map(it -> "--temperature"),
                asked.topK().map(it -> "--top_k"),
                asked.topP().map(it -> "--top_p"))
            .flatMap(Optional::stream)
            .toList();
    if (!draws(asked) && !idle.isEmpty()) {
      notices.add(
          "without effect: "
              + String.join(", ", idle)
              + "; the likeliest token is taken each time, unless --do_sample is given");
    }
    return notices;
  }
}
