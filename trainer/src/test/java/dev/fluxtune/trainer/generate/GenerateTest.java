package dev.fluxtune.trainer.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against transformers' generate: the fixtures of tests/parity/make_generations.py. */
class GenerateTest {
  private static final Path MODELS = Path.of("src/test/resources/models");

  @ParameterizedTest
  @ValueSource(strings = {"llama2", "llama3", "mistral", "qwen2"})
  void goesOnAsTransformersDoes(String shape) throws IOException {
    ModelConfig config = ModelConfig.read(MODELS.resolve(shape));
    try (Weights weights = weights(shape, Dtype.FLOAT32)) {
      for (JsonNode one : cases(shape)) {
        List<int[]> prompt = List.of(SamplingTest.ints(one.path("prompt")));
        assertThat(Generate.after(prompt, config, weights, Sampling.greedy(48, Set.of())))
            .containsExactly(expected(one, "greedy", 48));
        assertThat(Generate.after(prompt, config, weights, penalized(Set.of())))
            .containsExactly(expected(one, "penalized", 48));
        Set<Integer> eos =
            StreamSupport.stream(one.path("eos").spliterator(), false)
                .map(JsonNode::intValue)
                .collect(Collectors.toSet());
        int[] ended = SamplingTest.ints(one.path("ended"));
        assertThat(eos).contains(ended[ended.length - 1]);
        assertThat(Generate.after(prompt, config, weights, penalized(eos))).containsExactly(ended);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama3", "qwen2"})
  void promptsGoOnTogetherAsAlone(String shape) throws IOException {
    ModelConfig config = ModelConfig.read(MODELS.resolve(shape));
    List<int[]> prompts = new ArrayList<>();
    List<int[]> expected = new ArrayList<>();
    Set<Integer> eos = Set.of(cases(shape).path(0).path("eos").path(0).intValue());
    try (Weights weights = weights(shape, Dtype.FLOAT32)) {
      for (JsonNode one : cases(shape)) {
        prompts.add(SamplingTest.ints(one.path("prompt")));
        int[] prompt = prompts.get(prompts.size() - 1);
        expected.addAll(Generate.after(List.of(prompt), config, weights, penalized(eos)));
      }
      List<int[]> together = Generate.after(prompts, config, weights, penalized(eos));
      assertThat(together).containsExactlyElementsOf(expected);
      assertThat(together.stream().map(ids -> ids.length).distinct().count()).isGreaterThan(1);
    }
  }

  @Test
  void theSeedDecidesWhatIsDrawn() {
    ModelConfig config = ModelConfig.read(MODELS.resolve("qwen2"));
    List<int[]> prompts = List.of(new int[] {1, 2, 3}, new int[] {1, 2, 3});
    try (Weights weights = weights("qwen2", Dtype.FLOAT32)) {
      List<int[]> first = Generate.after(prompts, config, weights, drawn(5));
      assertThat(Generate.after(prompts, config, weights, drawn(5)))
          .containsExactlyElementsOf(first);
      assertThat(Generate.after(prompts, config, weights, drawn(6)).get(0))
          .isNotEqualTo(first.get(0));
      assertThat(first.get(1)).isNotEqualTo(first.get(0)).hasSize(30);
      // What is drawn for a prompt does not hang on those after it.
      assertThat(Generate.after(prompts.subList(0, 1), config, weights, drawn(5)).get(0))
          .isEqualTo(first.get(0));
    }
  }

  @Test
  void generatesInBf16() {
    ModelConfig config = ModelConfig.read(MODELS.resolve("mistral"));
    try (Weights weights = weights("mistral", Dtype.BFLOAT16)) {
      List<int[]> prompts = List.of(new int[] {4, 5, 6}, new int[] {7});
      List<int[]> written = Generate.after(prompts, config, weights, Sampling.greedy(20, Set.of()));
      assertThat(written).hasSize(2).allMatch(ids -> ids.length == 20);
    }
  }

  @Test
  void aPromptThatCannotGoOnIsRefused() {
    ModelConfig config = ModelConfig.read(MODELS.resolve("llama2"));
    Sampling sampling = Sampling.greedy(2, Set.of());
    try (Weights weights = weights("llama2", Dtype.FLOAT32)) {
      assertThat(Generate.after(List.of(), config, weights, sampling)).isEmpty();
      assertThatThrownBy(
              () -> Generate.after(List.of(new int[] {1}, new int[0]), config, weights, sampling))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("prompt 2 is empty");
      assertThatThrownBy(() -> Generate.after(List.of(new int[] {96}), config, weights, sampling))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("id 96");
    }
  }

  private static Sampling penalized(Set<Integer> eos) {
    return new Sampling(false, 1, 0, 1, 1.3, 48, eos, 0);
  }

  private static Sampling drawn(long seed) {
    return new Sampling(true, 0.9, 50, 0.95, 1, 30, Set.of(), seed);
  }

  private static int[] expected(JsonNode one, String key, int length) {
    int[] ids = SamplingTest.ints(one.path(key));
    assertThat(ids).hasSize(length);
    return ids;
  }

  private static JsonNode cases(String shape) throws IOException {
    Path file = SamplingTest.FOLDER.resolve("continuations.json");
    return new JsonMapper().readTree(Files.readAllBytes(file)).path(shape);
  }

  private static Weights weights(String shape, Dtype dtype) {
    Path folder = MODELS.resolve(shape);
    return Weights.read(folder, ModelConfig.read(folder), Device.cpu(), dtype);
  }
}
