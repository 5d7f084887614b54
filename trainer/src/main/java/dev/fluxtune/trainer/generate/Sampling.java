package dev.fluxtune.trainer.generate;

import dev.fluxtune.schemas.BadInputException;
import java.util.Arrays;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * How the next token is chosen from logits. Meaning, order and single precision are those of
 * transformers' logits processors (generation/logits_process.py).
 *
 * @param draw whether tokens are drawn ({@code do_sample}); else the likeliest is taken, and
 *     temperature, top-k and top-p have no meaning
 * @param temperature logits are divided by it
 * @param topK only so many of the likeliest tokens are left, more where several are equal; 0: all
 * @param topP only the likeliest tokens that hold this probability together are left; 1: all
 * @param repetitionPenalty what the logits of tokens that occur already, in the prompt too, are
 *     divided by (multiplied with, below zero); 1: none
 * @param maxNewTokens how many tokens follow at most
 * @param eosIds tokens that end a text
 * @param seed of what is drawn
 */
public record Sampling(
    boolean draw,
    double temperature,
    int topK,
    double topP,
    double repetitionPenalty,
    int maxNewTokens,
    Set<Integer> eosIds,
    long seed) {

  public Sampling {
    eosIds = Set.copyOf(eosIds);
    require(
        temperature > 0,
        "temperature must be above 0 (got %s); leave it out for the likeliest",
        temperature);
    require(topK >= 0, "top_k must be at least 0 (got %s); 0 leaves all", topK);
    require(topP > 0 && topP <= 1, "top_p must be above 0 and at most 1 (got %s)", topP);
    require(
        repetitionPenalty > 0, "repetition_penalty must be above 0 (got %s)", repetitionPenalty);
    require(maxNewTokens > 0, "max_new_tokens must be at least 1 (got %s)", maxNewTokens);
  }

  private static void require(boolean holds, String otherwise, Object got) {
    if (!holds) {
      throw new BadInputException(otherwise.formatted(got));
    }
  }

  /** The likeliest token each time. */
  public static Sampling greedy(int maxNewTokens, Set<Integer> eosIds) {
    return new Sampling(false, 1, 0, 1, 1, maxNewTokens, eosIds, 0);
  }

  /** The same choice with other draws. */
  public Sampling withSeed(long other) {
    return new Sampling(
        draw, temperature, topK, topP, repetitionPenalty, maxNewTokens, eosIds, other);
  }

  /**
   * The next token.
   *
   * @param logits one for each token of the vocabulary; they are changed
   * @param behind the prompt and what followed, {@code count} tokens of it
   */
  int next(float[] logits, int[] behind, int count, SplittableRandom random) {
    process(logits, behind, count);
    return draw ? drawn(probabilities(logits), random) : likeliest(logits);
  }

  /** Changes logits as the processors do; what is left out becomes minus infinity. */
  void process(float[] logits, int[] behind, int count) {
    if (repetitionPenalty != 1) {
      penalize(logits, behind, count);
    }
    if (!draw) {
      return;
    }
    if (temperature != 1) {
      for (int i = 0; i < logits.length; i++) {
        logits[i] /= (float) temperature;
      }
    }
    if (topK > 0 && topK < logits.length) {
      float[] sorted = logits.clone();
      Arrays.sort(sorted);
      float least = sorted[sorted.length - topK];
      for (int i = 0; i < logits.length; i++) {
        logits[i] = logits[i] < least ? Float.NEGATIVE_INFINITY : logits[i];
      }
    }
    if (topP < 1) {
      keepLikeliest(logits);
    }
  }

  private void penalize(float[] logits, int[] behind, int count) {
    float penalty = (float) repetitionPenalty;
    Arrays.stream(behind, 0, count)
        .distinct()
        .forEach(id -> logits[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty);
  }

  /** From the least likely up, tokens go as long as together they hold no more than 1 - topP. */
  private void keepLikeliest(float[] logits) {
    float[] probabilities = probabilities(logits);
    int[] ascending = ascending(logits);
    float dropped = (float) (1 - topP);
    double sum = 0;
    for (int i = 0; i < ascending.length - 1; i++) { // the likeliest stays
      sum += probabilities[ascending[i]];
      if ((float) sum > dropped) {
        return;
      }
      logits[ascending[i]] = Float.NEGATIVE_INFINITY;
    }
  }

  /** Tokens from the lowest logit up, equal ones by id; without boxing, for large vocabularies. */
  private static int[] ascending(float[] logits) {
    long[] keys = new long[logits.length];
    for (int i = 0; i < logits.length; i++) {
      int bits = Float.floatToIntBits(logits[i] + 0f); // + 0: no negative zero
      int ordered = bits ^ (bits >> 31 & Integer.MAX_VALUE); // integers in the floats' order
      keys[i] = ((long) ordered << 32) | i;
    }
    Arrays.sort(keys);
    return Arrays.stream(keys).mapToInt(key -> (int) key).toArray();
  }

  /** Softmax. */
  static float[] probabilities(float[] logits) {
    float max = Float.NEGATIVE_INFINITY;
    for (float logit : logits) {
      max = Math.max(max, logit);
    }
    double sum = 0;
    float[] probabilities = new float[logits.length];
    for (int i = 0; i < logits.length; i++) {
      probabilities[i] = (float) Math.exp(logits[i] - max);
      sum += probabilities[i];
    }
    for (int i = 0; i < logits.length; i++) {
      probabilities[i] = (float) (probabilities[i] / sum);
    }
    return probabilities;
  }

  private static int drawn(float[] probabilities, SplittableRandom random) {
    double sum = IntStream.range(0, probabilities.length).mapToDouble(i -> probabilities[i]).sum();
    double left = random.nextDouble() * sum;
    int last = 0;
    for (int i = 0; i < probabilities.length; i++) {
      if (probabilities[i] > 0) {
        left -= probabilities[i];
        last = i;
        if (left < 0) {
          break;
        }
      }
    }
    return last;
  }

  private static int likeliest(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    return best;
  }
}
