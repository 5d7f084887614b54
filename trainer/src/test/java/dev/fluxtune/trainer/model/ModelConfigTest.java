package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelConfigTest {
  private static final String SIZES =
      """
      "vocab_size": 10, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
      "num_attention_heads": 4, "rms_norm_eps": 1e-5""";

  @TempDir Path folder;

  @Test
  void readsTheFormOfTransformers4() throws IOException {
    ModelConfig config =
        read(
            """
            {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "torch_dtype": "bfloat16",
             "num_key_value_heads": 2, "rope_theta": 500000.0, "pretraining_tp": 1, "mlp_bias": false,
             "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
               "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}, %s}
            """
                .formatted(SIZES));
    assertThat(config.headDim()).isEqualTo(2);
    assertThat(config.ropeTheta()).isEqualTo(500_000);
    assertThat(config.ropeScaling()).contains(new ModelConfig.Llama3Scaling(8, 1, 4, 8192));
    assertThat(config.tiedEmbeddings()).isFalse();
    assertThat(config.shapes())
        .containsEntry("model.layers.0.self_attn.k_proj.weight", List.of(4L, 8L))
        .containsEntry("lm_head.weight", List.of(10L, 8L))
        .hasSize(1 + 9 + 2);
  }

  /** Which of them counts where several are there, transformers decides. */
  @Test
  void readsRotationWhereverItStands() throws IOException {
    String llama = "{\"model_type\": \"llama\", %s, %s}";
    String stretched =
        """
        {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
         "original_max_position_embeddings": 8192}""";
    assertThat(read(llama.formatted(SIZES, "\"rope_scaling\": null")).ropeTheta()).isEqualTo(1e4);
    String beside = "\"rope_parameters\": {\"rope_type\": \"default\"}, \"rope_theta\": 5e5";
    assertThat(read(llama.formatted(SIZES, beside)).ropeTheta()).isEqualTo(5e5);
    String inside = "\"rope_parameters\": {\"rope_theta\": 1e6}, \"rope_theta\": 5e5";
    assertThat(read(llama.formatted(SIZES, inside)).ropeTheta()).isEqualTo(1e6);
    String both = "\"rope_parameters\": {\"rope_theta\": 1e6}, \"rope_scaling\": " + stretched;
    ModelConfig config = read(llama.formatted(SIZES, both));
    assertThat(config.ropeScaling()).isPresent();
    assertThat(config.ropeTheta()).isEqualTo(1e4);
    String partial = "\"rope_parameters\": {\"partial_rotary_factor\": 0.5}";
    assertThatThrownBy(() -> read(llama.formatted(SIZES, partial)))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("rope_parameters.partial_rotary_factor is not supported");
  }

  @Test
  void namesEverythingThatItDoesNotSupport() {
    assertThatThrownBy(
            () ->
                read(
                    """
                    {"model_type": "llama", "hidden_act": "gelu", "attention_bias": true,
                     "residual_multiplier": 0.22, "quantization_config": {"bits": 4},
                     "rope_scaling": {"type": "yarn", "factor": 4}, %s}
                    """
                        .formatted(SIZES)))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("config.json")
        .hasMessageContaining("hidden_act")
        .hasMessageContaining("attention_bias")
        .hasMessageContaining("residual_multiplier")
        .hasMessageContaining("quantization_config")
        .hasMessageContaining("yarn");
  }

  @Test
  void namesWhatIsMissing() {
    assertThatThrownBy(() -> read("{\"model_type\": \"mistral\", \"hidden_size\": 8}"))
        .hasMessageContaining("vocab_size")
        .hasMessageContaining("num_key_value_heads")
        .hasMessageContaining("it is missing");
    assertThatThrownBy(() -> read("{\"model_type\": \"gpt2\"}"))
        .hasMessageContaining("gpt2")
        .hasMessageContaining("supported are llama, mistral and qwen2");
    assertThatThrownBy(() -> ModelConfig.read(folder.resolve("nowhere")))
        .hasMessageContaining("config.json");
  }

  @Test
  void aSlidingWindowIsFineWhereNoChunkIsLonger() throws IOException {
    String mistral = "{\"model_type\": \"mistral\", \"num_key_value_heads\": 2, %s%s}";
    ModelConfig silent = read(mistral.formatted("", SIZES));
    silent.checkLength(4096); // transformers' default
    assertThatThrownBy(() -> silent.checkLength(4097)).hasMessageContaining("sliding_window");
    read(mistral.formatted("\"sliding_window\": null, ", SIZES)).checkLength(100_000);
    assertThatThrownBy(
            () -> read(mistral.formatted("\"sliding_window\": 64, ", SIZES)).checkLength(65))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("at most 64");
  }

  @Test
  void qwenHasBiasesAndNoWindowUnlessItUsesIt() throws IOException {
    ModelConfig config =
        read(
            """
            {"model_type": "qwen2", "num_key_value_heads": 2, "sliding_window": 32768,
             "use_sliding_window": false, "max_window_layers": 21, %s}
            """
                .formatted(SIZES));
    assertThat(config.slidingWindow()).isEmpty();
    assertThat(config.shapes())
        .containsEntry("model.layers.0.self_attn.q_proj.bias", List.of(8L))
        .containsEntry("model.layers.0.self_attn.v_proj.bias", List.of(4L));
  }

  @Test
  void positionsAreKnownWhereTheyAreSaid() throws IOException {
    String llama = "{\"model_type\": \"llama\", %s%s}";
    assertThat(read(llama.formatted("", SIZES)).maxPositions()).isEmpty();
    String said = "\"max_position_embeddings\": %s, ";
    assertThat(read(llama.formatted(said.formatted(4096), SIZES)).maxPositions()).hasValue(4096);
    assertThatThrownBy(() -> read(llama.formatted(said.formatted(0), SIZES)))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("max_position_embeddings must be a positive whole number");
  }

  @Test
  void aTiedHeadCannotBeTrainedAlone() {
    ModelConfig tied = Fixture.of("llama3").config();
    assertThatThrownBy(() -> Trained.last(1, true).names(tied))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("train_head");
    assertThat(Trained.last(99, false).names(tied)).hasSize(3 * 9);
  }

  private ModelConfig read(String json) throws IOException {
    Files.writeString(folder.resolve("config.json"), json);
    return ModelConfig.read(folder);
  }
}
