package dev.fluxtune.trainer.checkpoint;

import static dev.fluxtune.trainer.checkpoint.Saved.ALL;
import static dev.fluxtune.trainer.checkpoint.Saved.CONFIG;
import static dev.fluxtune.trainer.checkpoint.Saved.bytes;
import static dev.fluxtune.trainer.checkpoint.Saved.keep;
import static dev.fluxtune.trainer.checkpoint.Saved.names;
import static dev.fluxtune.trainer.checkpoint.Saved.newest;
import static dev.fluxtune.trainer.checkpoint.Saved.numbers;
import static dev.fluxtune.trainer.checkpoint.Saved.run;
import static dev.fluxtune.trainer.checkpoint.Saved.sideFiles;
import static dev.fluxtune.trainer.checkpoint.Saved.state;
import static dev.fluxtune.trainer.checkpoint.Saved.trainer;
import static dev.fluxtune.trainer.checkpoint.Saved.weights;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointsTest {

  @TempDir Path temporary;
  private Path model;
  private Path out;
  private Checkpoints checkpoints;

  @BeforeEach
  void aModelFolder() throws IOException {
    model = Saved.model(temporary);
    out = temporary.resolve("runs/out");
    checkpoints = new Checkpoints(out);
  }

  @Test
  void comesBackAsItWasWritten() throws IOException {
    Path folder = checkpoints.write(state(model, 7, 1), ALL);
    assertThat(folder).isEqualTo(out.resolve("checkpoint-7"));
    assertThat(names(folder))
        .containsExactly(
            "config.json",
            "fluxtune_files.json",
            "fluxtune_state.json",
            "generation_config.json",
            "model.safetensors",
            "optimizer.safetensors",
            "tokenizer.json",
            "trainer_state.json");
    assertThat(Files.readString(folder.resolve("config.json"))).isEqualTo(CONFIG);
    Checkpoint found = Checkpoint.read(folder);
    assertThat(found.run()).isEqualTo(run(7));
    assertThat(found.trainer()).isEqualTo(trainer(7, Optional.empty()));
    assertThat(found.model().keySet()).containsExactlyInAnyOrder("a", "b", "c");
    assertThat(bytes(found.model(), "b")).isEqualTo(numbers(1, 20));
    assertThat(bytes(found.optimizer(), "exp_avg.a")).isEqualTo(numbers(3, 24));
    assertThat(names(out)).containsExactly("checkpoint-7");
  }

  @Test
  void generationSettingsAreMadeWhereTheModelHasNone() throws IOException {
    Path folder = checkpoints.write(state(model, 1, 1), ALL);
    assertThat(Files.readString(folder.resolve("generation_config.json")))
        .contains("\"_from_model_config\" : true", "\"eos_token_id\" : [ 2, 3 ]")
        .doesNotContain("bos");
  }

  @Test
  void theConfigurationNamesTheTypeOfTheWeights() throws IOException {
    Files.writeString(model.resolve("config.json"), "{\"model_type\": \"qwen2\"}");
    Map<String, Content> narrow = new LinkedHashMap<>();
    narrow.put("a", new Numbers("BF16", List.of(2L), numbers(0, 4)));
    checkpoints.writeModel(narrow, sideFiles(model));
    assertThat(Files.readString(out.resolve("config.json")))
        .contains("\"torch_dtype\" : \"bfloat16\"", "Qwen2ForCausalLM");
    narrow.put("b", new Numbers("F32", List.of(1L), numbers(0, 4)));
    checkpoints.writeModel(narrow, sideFiles(model));
    assertThat(Files.readString(out.resolve("config.json"))).contains("\"float32\"");
  }

  @Test
  void everyDamageIsRecognizedAndTheOneBeforeTaken() throws IOException {
    checkpoints.write(state(model, 1, 1), ALL);
    Path newest = checkpoints.write(state(model, 2, 2), ALL);
    for (String name : names(newest)) {
      Path file = newest.resolve(name);
      byte[] whole = Files.readAllBytes(file);
      for (int at = 0; at < whole.length; at += Math.max(1, whole.length / 40)) {
        byte[] flipped = whole.clone();
        flipped[at] ^= 1;
        Files.write(file, flipped);
        assertDamaged(newest, name);
      }
      Files.write(file, Arrays.copyOf(whole, whole.length - 1));
      assertDamaged(newest, name);
      Files.delete(file);
      assertDamaged(newest, name);
      Files.write(file, whole);
      assertThat(newest(checkpoints).folder()).isEqualTo(newest);
    }
  }

  private void assertDamaged(Path newest, String file) {
    // In the list itself another name or digest may be what is wrong.
    String named = file.equals(CheckpointFormat.FILES) ? "" : file;
    List<String> said = new ArrayList<>();
    assertThat(checkpoints.newestWhole(said::add).orElseThrow().run().step()).isEqualTo(1);
    assertThat(said).singleElement().asString().contains("checkpoint-2 is damaged", named);
    assertThatThrownBy(() -> Checkpoint.read(newest))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining(named);
  }

  @Test
  void shardsAreCutAsTransformersCutsThem() throws IOException {
    checkpoints = new Checkpoints(out, new Disk(), 28);
    checkpoints.writeModel(weights(1), sideFiles(model));
    assertThat(names(out))
        .contains(
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json")
        .doesNotContain("model.safetensors");
    Map<String, SafeTensors> found = ModelFiles.read(out);
    assertThat(found.get("a").file().getFileName()).hasToString("model-00001-of-00002.safetensors");
    assertThat(found.get("b")).isNotSameAs(found.get("a")).isEqualTo(found.get("c"));
    assertThat(bytes(found, "c")).isEqualTo(numbers(1, 4));
    assertThat(Files.readString(out.resolve("model.safetensors.index.json")))
        .contains("\"total_parameters\" : 13", "\"total_size\" : 48");
  }

  @Test
  void theOldestGoAndTheBestStays() throws IOException {
    TrainerState.Best best = new TrainerState.Best(0.5, 1, "checkpoint-1");
    for (int step = 1; step <= 5; step++) {
      checkpoints.write(state(model, step, step, Optional.of(best)), new Checkpoints.Keep(2, true));
    }
    assertThat(names(out)).containsExactly("checkpoint-1", "checkpoint-5");
    checkpoints.write(state(model, 6, 1, Optional.of(best)), new Checkpoints.Keep(1, false));
    assertThat(names(out)).containsExactly("checkpoint-6");
  }

  @Test
  void whatARunThatWentBackLeftBehindGoesFirst() throws IOException {
    for (int step : new int[] {1, 2, 30}) {
      checkpoints.write(state(model, step, step), ALL);
    }
    checkpoints.write(state(model, 3, 3), keep(3));
    assertThat(names(out)).containsExactly("checkpoint-1", "checkpoint-2", "checkpoint-3");
  }

  @Test
  void aFullDiskIsSaidAndLeavesNothingHalf() throws IOException {
    Map<String, Content> failing = new LinkedHashMap<>(weights(1));
    failing.put(
        "d",
        new Numbers("F32", List.of(1L), numbers(0, 4)) {
          @Override
          public void writeTo(Sink sink) throws IOException {
            throw new IOException("No space left on device");
          }
        });
    Checkpoints.State whole = state(model, 3, 3);
    assertThatThrownBy(
            () ->
                checkpoints.write(
                    new Checkpoints.State(
                        failing,
                        whole.optimizer(),
                        whole.sideFiles(),
                        whole.trainer(),
                        whole.run()),
                    ALL))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("checkpoint-3")
        .hasMessageContaining("No space left on device");
    assertThat(names(out)).isEmpty();
  }

  @Test
  void noFolderHasNoCheckpoint() {
    assertThat(checkpoints.newestWhole(Assertions::fail)).isEmpty();
    checkpoints.tidy();
  }
}
