package dev.fluxtune.app.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.RunConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RecipesTest {
  private static final Path HOME = Path.of(System.getProperty("fluxtune.home"));
  private static final Path FOLDER = HOME.resolve("pipeline/recipes");

  private static List<Path> recipes() throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.sorted().toList();
    }
  }

  private static Parsed parse(Path file) {
    return ConfigParser.parse(Optional.of(file), List.of(), List.of(), Optional.of(HOME));
  }

  private static RunConfig recipe(String name) {
    return parse(FOLDER.resolve(name + ".yaml")).config();
  }

  @Test
  void areTheFive() throws IOException {
    assertThat(recipes())
        .map(it -> it.getFileName().toString())
        .containsExactly("full.yaml", "last8.yaml", "lora.yaml", "qlora.yaml", "tiny.yaml");
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void parseWithNothingToSayButTheEmbeddedRows(Path file) {
    assertThat(parse(file).notices())
        .allMatch(it -> it.startsWith("no dataset_name: the embedded"));
  }

  @Test
  void takeTheEmbeddedRowsInTiny() {
    RunConfig tiny = recipe("tiny");
    Path rows = Path.of(tiny.data().datasetName().orElseThrow());
    assertThat(rows.resolve("train.jsonl")).exists();
    assertThat(Path.of(tiny.model().tokenizerNameOrPath().orElseThrow(), "tokenizer.json"))
        .exists();
    assertThat(Path.of(tiny.model().modelNameOrPath().orElseThrow(), "config.json")).exists();
    assertThat(tiny.training().learningRate()).isEqualTo(2e-3);
    assertThat(tiny.training().warmupSteps()).isEqualTo(0.05);
    assertThat(tiny.chunks().maxLength()).contains(256);
  }

  @Test
  void shareTheStepsOfTheReferenceCase() {
    for (String name : List.of("full", "last8", "lora", "qlora")) {
      RunConfig config = recipe(name);
      assertThat(config.chunks().perDeviceTrainBatchSize()).isEqualTo(16);
      assertThat(config.chunks().gradientAccumulationSteps()).isEqualTo(2);
      assertThat(config.chunks().maxLength()).contains(1024);
      assertThat(config.training().numTrainEpochs()).isEqualTo(3);
      assertThat(config.training().warmupSteps()).isEqualTo(0.1);
      assertThat(config.data().testSplitSize()).contains(1000.0); // its rows have no test split
      assertThat(config.output().numSamples()).isEqualTo(10);
      assertThat(config.output().sampleMaxNewTokens()).isEqualTo(256);
    }
  }

  @Test
  void differInWhatIsTrained() {
    assertThat(recipe("full").model().unfrozenLayers()).isEmpty();
    assertThat(recipe("full").adapter().usePeft()).isFalse();
    assertThat(recipe("last8").model().unfrozenLayers()).contains(8);
    assertThat(recipe("last8").model().trainHead()).isTrue();
    assertThat(recipe("lora").adapter().loraR()).isEqualTo(64);
    assertThat(recipe("lora").adapter().loadIn4bit()).isFalse();
    assertThat(recipe("qlora").adapter().loadIn4bit()).isTrue();
    assertThat(recipe("qlora").adapter().loraTargetModules())
        .containsExactly("q_proj", "k_proj", "v_proj", "o_proj");
  }
}
