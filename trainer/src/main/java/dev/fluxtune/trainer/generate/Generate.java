package dev.fluxtune.trainer.generate;

import dev.fluxtune.trainer.model.Decoder;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.Weights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** What a model writes after prompts. */
public final class Generate {
  private Generate() {}

  /**
   * Goes on from prompts, all at once; each as if it were alone, and each with its own draws.
   *
   * @return the tokens that follow each prompt, the one that ended it included
   */
  public static List<int[]> after(
      List<int[]> prompts, ModelConfig config, Weights weights, Sampling sampling) {
    if (prompts.isEmpty()) {
      return List.of();
    }
    SplittableRandom seeds = new SplittableRandom(sampling.seed());
    List<Text> texts = new ArrayList<>();
    for (int[] prompt : prompts) {
      texts.add(new Text(prompt, sampling, seeds.split()));
    }
    try (Decoder decoder = new Decoder(config, weights, prompts, sampling.maxNewTokens())) {
      float[] logits = decoder.start();
      while (append(texts, logits)) {
        int[] last = texts.stream().mapToInt(Text::last).toArray();
        boolean[] goesOn = new boolean[last.length];
        for (int row = 0; row < last.length; row++) {
          goesOn[row] = !texts.get(row).ended;
        }
        logits = decoder.next(last, goesOn);
      }
    }
    return texts.stream().map(Text::written).toList();
  }

  /** Appends to each text that has not ended; whether one still goes on. */
  private static boolean append(List<Text> texts, float[] logits) {
    int vocabulary = logits.length / texts.size();
    boolean goesOn = false;
    for (int row = 0; row < texts.size(); row++) {
      Text text = texts.get(row);
      if (!text.ended) {
        text.append(Arrays.copyOfRange(logits, row * vocabulary, (row + 1) * vocabulary));
        goesOn |= !text.ended;
      }
    }
    return goesOn;
  }

  /** A prompt and what followed so far. */
  private static final class Text {
    private final Sampling sampling;
    private final SplittableRandom random;
    private final int promptLength;
    private final int[] ids;
    private int count;
    private boolean ended;

    Text(int[] prompt, Sampling sampling, SplittableRandom random) {
      this.sampling = sampling;
      this.random = random;
      this.promptLength = prompt.length;
      this.ids = Arrays.copyOf(prompt, prompt.length + sampling.maxNewTokens());
      this.count = prompt.length;
    }

    void append(float[] logits) {
      ids[count] = sampling.next(logits, ids, count, random);
      count++;
      ended = count == ids.length || sampling.eosIds().contains(last());
    }

    int last() {
      return ids[count - 1];
    }

    int[] written() {
      return Arrays.copyOfRange(ids, promptLength, count);
    }
  }
}
