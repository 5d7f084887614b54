package dev.fluxtune.app;

import dev.fluxtune.pipeline.tokenize.Tokenizer;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.generate.Generate;
import dev.fluxtune.trainer.generate.Sampling;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.Weights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** The text that a model writes after texts. Tokenizer and weights are the caller's. */
final class Answers {
  private final Tokenizer tokenizer;
  private final ModelConfig model;
  private final Weights weights;
  private final Sampling sampling;
  private long behind; // questions answered so far

  Answers(Tokenizer tokenizer, ModelConfig model, Weights weights, Sampling sampling) {
    this.tokenizer = tokenizer;
    this.model = model;
    this.weights = weights;
    this.sampling = sampling;
  }

  /** Answers some questions at once, special tokens left out. */
  List<String> after(List<Question> questions) {
    List<int[]> prompts = new ArrayList<>();
    for (Question question : questions) {
      prompts.add(ids(question.prompt(), behind + prompts.size() + 1));
    }
    // What is drawn for a question must not repeat what was drawn in the round before.
    List<int[]> written =
        Generate.after(prompts, model, weights, sampling.withSeed(sampling.seed() + behind));
    behind += questions.size();
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      texts.add(following(prompts.get(i), written.get(i), tokenizer::decodeText));
    }
    return texts;
  }

  private int[] ids(String prompt, long number) {
    int[] ids = tokenizer.prompt(prompt);
    if (ids.length == 0) {
      throw new BadInputException(
          "prompt %,d is empty, and this tokenizer begins a text with no token of its own; give at least one character"
              .formatted(number));
    }
    return ids;
  }

  /**
   * What ids add to the text of a prompt, as transformers' pipeline takes it: the whole without the
   * prompt. Alone they would lack the space that a tokenizer such as Llama 2's drops at the
   * beginning of a text.
   */
  static String following(int[] prompt, int[] ids, Function<int[], String> decode) {
    int[] whole = Arrays.copyOf(prompt, prompt.length + ids.length);
    System.arraycopy(ids, 0, whole, prompt.length, ids.length);
    String before = decode.apply(prompt);
    String all = decode.apply(whole);
    return all.startsWith(before) ? all.substring(before.length()) : decode.apply(ids);
  }
}
