package dev.fluxtune.trainer.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

class SamplingTest {
  static final Path FOLDER = Path.of("src/test/resources/generate");

  @Test
  void leavesOfLogitsWhatTransformersLeaves() throws IOException {
    JsonNode cases = new JsonMapper().readTree(Files.readAllBytes(FOLDER.resolve("filtered.json")));
    assertThat(cases).hasSize(9);
    for (JsonNode one : cases) {
      Sampling sampling =
          new Sampling(
              true,
              one.path("temperature").asDouble(),
              one.path("topK").asInt(),
              one.path("topP").asDouble(),
              one.path("penalty").asDouble(),
              1,
              Set.of(),
              0);
      float[] logits = floats(one.path("logits"));
      int[] behind = ints(one.path("behind"));
      sampling.process(logits, behind, behind.length);
      float[] found = Sampling.probabilities(logits);
      float[] expected = floats(one.path("probabilities"));
      for (int i = 0; i < expected.length; i++) {
        assertThat(found[i]).as("%s, token %d", sampling, i).isCloseTo(expected[i], within(1e-6f));
        assertThat(found[i] > 0).as("%s, token %d", sampling, i).isEqualTo(expected[i] > 0);
      }
    }
  }

  @Test
  void drawsAsOftenAsTheProbabilitySays() {
    long seed = 12;
    SplittableRandom random = new SplittableRandom(seed);
    Sampling sampling = new Sampling(true, 1, 4, 1, 1, 1, Set.of(), seed);
    float[] logits = {0, 1, -3, 2, 1.5f, -1};
    float[] kept = logits.clone();
    sampling.process(kept, new int[0], 0);
    float[] probabilities = Sampling.probabilities(kept);
    int[] drawn = new int[logits.length];
    int draws = 20_000;
    for (int i = 0; i < draws; i++) {
      drawn[sampling.next(logits.clone(), new int[0], 0, random)]++;
    }
    for (int i = 0; i < logits.length; i++) {
      double deviation = Math.sqrt(draws * probabilities[i] * (1 - probabilities[i]));
      assertThat((double) drawn[i])
          .as("token %d, seed %d", i, seed)
          .isCloseTo(draws * probabilities[i], within(4 * deviation));
    }
    assertThat(drawn[2]).isZero();
  }

  /** As in transformers: what goes may hold as much as 1 - top_p. */
  @Test
  void ofFourThatAreEqualThreeHoldThreeQuarters() {
    float[] logits = {0, 0, 0, 0};
    new Sampling(true, 1, 0, 0.75, 1, 1, Set.of(), 0).process(logits, new int[0], 0);
    assertThat(logits).containsExactlyInAnyOrder(Float.NEGATIVE_INFINITY, 0, 0, 0);
  }

  @Test
  void theFirstOfTheLikeliestIsTaken() {
    float[] logits = {1, 3, -2, 3};
    Sampling greedy = Sampling.greedy(1, Set.of());
    assertThat(greedy.next(logits, new int[] {1}, 1, new SplittableRandom(0))).isEqualTo(1);
  }

  @Test
  void whatMakesNoSenseIsRefused() {
    assertThatThrownBy(() -> new Sampling(true, 0, 0, 1, 1, 1, Set.of(), 0))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("temperature must be above 0 (got 0.0)");
    assertThatThrownBy(() -> new Sampling(true, 1, 0, 1.5, 1, 1, Set.of(), 0))
        .hasMessageContaining("top_p");
    assertThatThrownBy(() -> Sampling.greedy(0, Set.of())).hasMessageContaining("max_new_tokens");
  }

  static int[] ints(JsonNode node) {
    return StreamSupport.stream(node.spliterator(), false).mapToInt(JsonNode::intValue).toArray();
  }

  private static float[] floats(JsonNode node) {
    float[] values = new float[node.size()];
    IntStream.range(0, values.length).forEach(i -> values[i] = (float) node.path(i).asDouble());
    return values;
  }
}
