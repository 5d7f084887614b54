package dev.fluxtune.trainer.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import dev.fluxtune.trainer.model.Adapted;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Fixture;
import dev.fluxtune.trainer.model.Llama;
import dev.fluxtune.trainer.model.MergedWeights;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.Trained;
import dev.fluxtune.trainer.model.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * PEFT's adapters merged into their bases. What is written stays under {@code target/merged}, for
 * tests/parity/load_merged.py to load it into transformers and to merge as PEFT does.
 */
class MergedModelTest {
  private static final Llama.Options OPTIONS =
      new Llama.Options(Trained.everything(), false, false);

  @ParameterizedTest
  @CsvSource({
    "defaults, 1e-4",
    "rslora, 0.1", // in bf16, as its base
    "tied, 1e-4",
    "regex, 1e-4",
    "biased, 1e-4",
    "whole, 1e-4",
    "layer, 1e-4"
  })
  void hasTheLogitsOfTheAdapter(String name, double distance) throws IOException {
    Adapted adapted = Adapted.of(name);
    Fixture base = adapted.base();
    Path out = Path.of("target/merged").resolve(name);
    new Disk().delete(out);
    try (MergedWeights merged =
        MergedWeights.of(base.folder(), base.config(), Adapted.FOLDER.resolve(name))) {
      new Checkpoints(out)
          .writeModel(merged.contents(), SideFiles.read(base.folder(), Optional.empty()));
    }
    Map<String, SafeTensors> before = ModelFiles.read(base.folder());
    Map<String, SafeTensors> after = ModelFiles.read(out);
    assertThat(after).containsOnlyKeys(before.keySet());
    for (String weight : before.keySet()) {
      SafeTensors.Tensor was = before.get(weight).tensors().get(weight);
      SafeTensors.Tensor is = after.get(weight).tensors().get(weight);
      assertThat(is.dtype()).as(weight).isEqualTo(was.dtype());
      assertThat(is.shape()).as(weight).isEqualTo(was.shape());
      String module = weight.substring(0, weight.lastIndexOf('.'));
      boolean changed =
          adapted.lora().saved().contains(weight)
              || (weight.endsWith(".weight") && adapted.lora().modules().contains(module));
      if (changed) {
        assertThat(Saved.bytes(after, weight)).as(weight).isNotEqualTo(Saved.bytes(before, weight));
      } else {
        assertThat(Saved.bytes(after, weight)).as(weight).isEqualTo(Saved.bytes(before, weight));
      }
    }
    ModelConfig config = ModelConfig.read(out);
    assertThat(config).isEqualTo(base.config());
    try (Weights weights = Weights.read(out, config, Device.cpu(), Dtype.FLOAT32);
        Llama model = new Llama(config, weights, OPTIONS)) {
      float[] logits = model.logits(base.batch());
      assertThat(Fixture.distance(logits, adapted.expected("logits"))).isLessThan(distance);
    }
    assertThat(Files.exists(out.resolve("adapter_config.json"))).isFalse();
  }
}
