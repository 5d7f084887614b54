package dev.fluxtune.app.command;

import java.util.List;
import java.util.Optional;

/**
 * What the flags of {@code generate} ask for; what they leave open, the model's folder says. Names
 * and meaning are those of transformers' generation configuration.
 *
 * @param prompts texts to go on from; none: the rows' prompts
 */
public record Generation(
    List<String> prompts,
    int maxNewTokens,
    Optional<Boolean> doSample,
    Optional<Double> temperature,
    Optional<Integer> topK,
    Optional<Double> topP,
    Optional<Double> repetitionPenalty) {
  public Generation {
    prompts = List.copyOf(prompts);
  }
}
