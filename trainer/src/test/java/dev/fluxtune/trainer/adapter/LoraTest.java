package dev.fluxtune.trainer.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.fluxtune.schemas.BadInputException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which modules PEFT would find. */
class LoraTest {
  @Test
  void withoutTargetsQueriesAndValuesAreAdapted() {
    assertThat(lora(List.of(), List.of()).modules())
        .containsExactly(
            "model.layers.0.self_attn.q_proj",
            "model.layers.0.self_attn.v_proj",
            "model.layers.1.self_attn.q_proj",
            "model.layers.1.self_attn.v_proj");
  }

  @Test
  void namesAreEndsBehindADot() {
    assertThat(lora(List.of("1.self_attn.q_proj", "mlp.up_proj"), List.of()).modules())
        .containsExactly(
            "model.layers.0.mlp.up_proj",
            "model.layers.1.self_attn.q_proj",
            "model.layers.1.mlp.up_proj");
    assertThat(lora(List.of("down_proj"), List.of()).modules()).hasSize(2);
  }

  @Test
  void aRegularExpressionMatchesWholeNames() {
    assertThat(lora(List.of(".*\\.1\\..*[kv]_proj"), List.of()).modules())
        .containsExactly("model.layers.1.self_attn.k_proj", "model.layers.1.self_attn.v_proj");
  }

  @Test
  void allLinearIsEverythingButTheHead() {
    assertThat(lora(List.of("All-Linear"), List.of()).modules())
        .hasSize(14)
        .doesNotContain("lm_head");
  }

  @Test
  void whatIsTrainedWholeHasNoAdapter() {
    Lora lora = lora(List.of("all-linear"), List.of("embed_tokens", "o_proj", "norm"));
    assertThat(lora.saved())
        .containsExactly(
            "model.embed_tokens.weight",
            "model.layers.0.input_layernorm.weight",
            "model.layers.0.self_attn.o_proj.weight",
            "model.layers.0.post_attention_layernorm.weight",
            "model.layers.1.input_layernorm.weight",
            "model.layers.1.self_attn.o_proj.weight",
            "model.layers.1.post_attention_layernorm.weight",
            "model.norm.weight");
    assertThat(lora.modules()).hasSize(12).noneMatch(it -> it.endsWith("o_proj"));
    assertThat(lora(List.of("q_proj"), List.of("mlp")).saved())
        .hasSize(6)
        .allMatch(it -> it.contains(".mlp."));
  }

  @Test
  void shapesAreInTheOrderOfTheModel() {
    assertThat(lora(List.of("k_proj", "up_proj"), List.of("lm_head")).shapes(shapes()))
        .containsExactly(
            Map.entry("model.layers.0.self_attn.k_proj.lora_A.weight", List.of(3L, 8L)),
            Map.entry("model.layers.0.self_attn.k_proj.lora_B.weight", List.of(4L, 3L)),
            Map.entry("model.layers.0.mlp.up_proj.lora_A.weight", List.of(3L, 8L)),
            Map.entry("model.layers.0.mlp.up_proj.lora_B.weight", List.of(16L, 3L)),
            Map.entry("model.layers.1.self_attn.k_proj.lora_A.weight", List.of(3L, 8L)),
            Map.entry("model.layers.1.self_attn.k_proj.lora_B.weight", List.of(4L, 3L)),
            Map.entry("model.layers.1.mlp.up_proj.lora_A.weight", List.of(3L, 8L)),
            Map.entry("model.layers.1.mlp.up_proj.lora_B.weight", List.of(16L, 3L)),
            Map.entry("lm_head.weight", List.of(32L, 8L)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "q_porj k_proj  |                | no module q_porj; did you mean q_proj? adapters",
        "q_porj         |                | q_porj must match a whole name; did you mean q_proj? adap",
        "self_attn\\..* |                | must match a whole name; adapters go to",
        ".*             |                | model cannot have an adapter",
        "(              |                | ( is no regular expression",
        "q_proj lm_head |                | lm_head cannot have an adapter (lora_modules_to_save",
        ".*layernorm    |                | model.layers.0.input_layernorm cannot have an adapter",
        "q_proj v_proj  | q_proj v_proj  | no module is left to adapt; adapters go to",
        "q_proj         | _proj          | q_proj is in lora_target_modules and in",
        "q_proj         | head_lm        | the model has no module head_lm; it has embed_tokens, lm",
      })
  void badTargetsAreRefusedWithWhatThereIs(String targets, String saved, String message) {
    List<String> whole = saved == null ? List.of() : Arrays.asList(saved.split(" ", -1));
    assertThatThrownBy(() -> lora(Arrays.asList(targets.split(" ", -1)), whole))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining(message)
        .hasMessageMatching("(?s).*(gate_proj|one of them|are taken).*");
  }

  @Test
  void aTiedEmbeddingIsNotTrainedWhole() {
    Map<String, List<Long>> tied = shapes();
    tied.remove("lm_head.weight");
    for (String end : List.of("embed_tokens", "lm_head", "model")) {
      assertThatThrownBy(() -> Lora.of(settings(List.of("q_proj"), List.of(end)), tied))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("tie_word_embeddings");
    }
  }

  @Test
  void scalesByAlphaAndRank() {
    Map<String, List<Long>> shapes = shapes();
    assertThat(Lora.of(settings(List.of(), List.of()), shapes).scaling()).isEqualTo(2);
    Lora.Settings rslora = new Lora.Settings(3, 6, 0, true, Targets.DEFAULT, List.of());
    assertThat(Lora.of(rslora, shapes).scaling()).isCloseTo(3.4641016, within(1e-6));
  }

  @Test
  void masksDifferByRunMicroBatchLayerAndProduct() {
    assertThat(Lora.maskSeeds(1, 2, 3)).hasSize(9).doesNotHaveDuplicates();
    assertThat(Lora.maskSeeds(1, 2, 3)).isEqualTo(Lora.maskSeeds(1, 2, 3));
    assertThat(Lora.maskSeeds(1, 2, 3))
        .doesNotContain(Lora.maskSeeds(1, 2, 4))
        .doesNotContain(Lora.maskSeeds(1, 3, 3))
        .doesNotContain(Lora.maskSeeds(2, 2, 3));
  }

  private static Lora lora(List<String> targets, List<String> saved) {
    return Lora.of(settings(targets, saved), shapes());
  }

  private static Lora.Settings settings(List<String> targets, List<String> saved) {
    return new Lora.Settings(3, 6, 0, false, Targets.of(targets), saved);
  }

  /** Of 2 layers: hidden 8, keys 4, between 16, vocabulary 32. */
  private static Map<String, List<Long>> shapes() {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    shapes.put("model.embed_tokens.weight", List.of(32L, 8L));
    for (int layer = 0; layer < 2; layer++) {
      String prefix = "model.layers." + layer + ".";
      shapes.put(prefix + "input_layernorm.weight", List.of(8L));
      shapes.put(prefix + "self_attn.q_proj.weight", List.of(8L, 8L));
      shapes.put(prefix + "self_attn.k_proj.weight", List.of(4L, 8L));
      shapes.put(prefix + "self_attn.v_proj.weight", List.of(4L, 8L));
      shapes.put(prefix + "self_attn.o_proj.weight", List.of(8L, 8L));
      shapes.put(prefix + "post_attention_layernorm.weight", List.of(8L));
      shapes.put(prefix + "mlp.gate_proj.weight", List.of(16L, 8L));
      shapes.put(prefix + "mlp.up_proj.weight", List.of(16L, 8L));
      shapes.put(prefix + "mlp.down_proj.weight", List.of(8L, 16L));
    }
    shapes.put("model.norm.weight", List.of(8L));
    shapes.put("lm_head.weight", List.of(32L, 8L));
    return shapes;
  }
}
