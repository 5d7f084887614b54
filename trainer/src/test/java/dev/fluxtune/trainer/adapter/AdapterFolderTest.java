package dev.fluxtune.trainer.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.model.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which adapters are taken. */
class AdapterFolderTest {
  private static final Path RESOURCES = Path.of("src/test/resources");

  @TempDir Path folder;

  @BeforeEach
  void copyOne() throws IOException {
    for (String name : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(RESOURCES.resolve("adapters/defaults").resolve(name), folder.resolve(name));
    }
  }

  @Test
  void tellsItsBaseAndWhatItIs() {
    assertThat(AdapterFolder.is(folder)).isTrue();
    assertThat(AdapterFolder.is(folder.resolve("nowhere"))).isFalse();
    assertThat(AdapterFolder.base(folder)).isEqualTo("trainer/src/test/resources/models/llama2");
    Lora lora = read("llama2").lora();
    assertThat(lora.settings().rank()).isEqualTo(4);
    assertThat(lora.settings().alpha()).isEqualTo(8);
    assertThat(lora.modules()).hasSize(4);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "use_dora            | true         | use_dora (true) is not supported",
        "bias                | `all`        | bias must be none",
        "lora_bias           | true         | lora_bias (true) is not supported",
        "layers_to_transform | [0]          | layers_to_transform ([0]) is not supported",
        "rank_pattern        | {`q_proj`:2} | rank_pattern",
        "alpha_pattern       | {`q_proj`:2} | alpha_pattern",
        "exclude_modules     | [`q_proj`]   | exclude_modules",
        "peft_type           | `IA3`        | peft_type must be LORA",
        "init_lora_weights   | `pissa`      | init_lora_weights must be true or gaussian",
        "task_type           | `SEQ_CLS`    | task_type must be CAUSAL_LM",
        "use_qalora          | true         | use_qalora",
        "of_a_later_version  | 7            | of_a_later_version (7) is not supported",
        "r                   | 0            | r must be a whole number of at least 1 (got 0)",
        "lora_alpha          | `much`       | lora_alpha must be a number",
        "lora_dropout        | 1.0          | lora_dropout must be at least 0 and below 1",
        "lora_dropout        | `some`       | lora_dropout must be at least 0 and below 1 (got",
        "use_rslora          | `yes`        | use_rslora must be true or false",
        "modules_to_save     | `lm_head`    | modules_to_save must be a list of names",
        "target_modules      | {`q_proj`:1} | target_modules must be a list of names",
        "target_modules      | []           | target_modules must be a list of names",
        "target_modules      | [`c_attn`]   | no module is left to adapt",
        "modules_to_save     | [`wte`]      | the model has no module wte"
      })
  void whatIsNotSupportedIsRefusedByName(String key, String value, String message)
      throws IOException {
    change(key, value.replace('`', '"'));
    assertThatThrownBy(() -> read("llama2"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContaining(message);
  }

  @Test
  void aMessageNamesTheFolderOnce() throws IOException {
    change("r", "0");
    assertThatThrownBy(() -> read("llama2"))
        .hasMessageStartingWith(folder.resolve("adapter_config.json") + ": r must be");
  }

  @Test
  void targetsOfOtherKindsOfModelsArePassedOverAsInPeft() throws IOException {
    change("target_modules", "[\"q_proj\", \"c_attn\", \"v_proj\"]");
    assertThat(read("llama2").lora().modules()).hasSize(4);
  }

  @Test
  void ofAnotherRankOrBaseItSaysSo() throws IOException {
    assertThatThrownBy(() -> read("llama3"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("does not fit the base model")
        .hasMessageContaining("q_proj.lora_B.weight has shape [32, 4] where the base makes it [40,")
        .hasMessageContaining("model.layers.2.self_attn.q_proj.lora_A.weight is missing");
    change("r", "8");
    assertThatThrownBy(() -> read("llama2"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("lora_A.weight has shape [4, 32] where the base makes it [8, 32]");
    change("r", "4");
    change("target_modules", "[\"q_proj\"]");
    assertThatThrownBy(() -> read("llama2"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("v_proj.lora_A.weight has no place in the base");
  }

  @Test
  void damagedOrMissingFilesAreRefused() throws IOException {
    Path weights = folder.resolve("adapter_model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    Files.write(weights, Arrays.copyOf(bytes, bytes.length - 3));
    refused("no whole safetensors file");
    Files.delete(weights);
    refused("holds no adapter_model.safetensors");
    Files.writeString(folder.resolve("adapter_config.json"), "{\"r\": ");
    refused("adapter_config.json cannot be read");
    Files.writeString(folder.resolve("adapter_config.json"), "[]");
    refused("is no JSON object");
    Files.writeString(folder.resolve("adapter_config.json"), "{\"peft_type\": \"LORA\"}");
    refused("r must be a whole number of at least 1 (got nothing)");
    assertThatThrownBy(() -> AdapterFolder.base(folder))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("names no base");
  }

  private void refused(String message) {
    assertThatThrownBy(() -> read("llama2"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining(message);
  }

  private AdapterFolder read(String base) {
    Map<String, List<Long>> shapes =
        ModelConfig.read(RESOURCES.resolve("models").resolve(base)).shapes();
    return AdapterFolder.read(folder, shapes);
  }

  private void change(String key, String value) throws IOException {
    JsonMapper json = new JsonMapper();
    Path file = folder.resolve("adapter_config.json");
    ObjectNode config = (ObjectNode) json.readTree(Files.readAllBytes(file));
    config.set(key, json.readTree(value));
    Files.writeString(file, config.toString());
  }
}
