package dev.fluxtune.trainer.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** As align_special_tokens of transformers has the ids, and TRL's eos_token the tokenizer. */
class SideFilesTest {
  private static final String ONE = "{\"model_type\": \"llama\", \"eos_token_id\": 2}";

  @TempDir Path folder;
  private Path model;

  @BeforeEach
  void aModel() throws IOException {
    model = Files.createDirectory(folder.resolve("model"));
    Files.writeString(model.resolve("config.json"), ONE);
    Files.writeString(
        model.resolve("tokenizer_config.json"),
        "{\"eos_token\": \"</s>\", \"model_max_length\": 8}");
  }

  /** Written for a model that learnt to end with token 7, called im_end. */
  private JsonNode written(String file) throws IOException {
    Path out = folder.resolve("out");
    new Checkpoints(out)
        .writeModel(
            Map.of("a", new Numbers("F32", List.of(1L), new byte[4])),
            SideFiles.read(model, Optional.of(model)).endingWith(7, Optional.of("im_end")));
    return new ObjectMapper().readTree(Files.readAllBytes(out.resolve(file)));
  }

  @Test
  void nameTheTokenThatTheModelLearntToEndWith() throws IOException {
    assertThat(written("config.json").path("eos_token_id").intValue()).isEqualTo(7);
    assertThat(written("generation_config.json").path("eos_token_id")).hasToString("[7,2]");
    assertThat(written("tokenizer_config.json").path("eos_token").textValue()).isEqualTo("im_end");
    assertThat(written("tokenizer_config.json").path("model_max_length").intValue()).isEqualTo(8);
  }

  @Test
  void keepTheOthersThatEndWhatAModelWrites() throws IOException {
    Files.writeString(model.resolve("config.json"), ONE.replace("2", "[2, 3]"));
    Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": [3, 7]}");
    assertThat(written("config.json").path("eos_token_id")).hasToString("[7,2,3]");
    assertThat(written("generation_config.json").path("eos_token_id")).hasToString("[3,7]");
  }

  @Test
  void nameItWhereNothingWasNamed() throws IOException {
    Files.writeString(model.resolve("config.json"), "{\"model_type\": \"llama\"}");
    Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": null}");
    assertThat(written("config.json").path("eos_token_id").intValue()).isEqualTo(7);
    assertThat(written("generation_config.json").path("eos_token_id").intValue()).isEqualTo(7);
  }
}
