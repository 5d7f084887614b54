package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.fluxtune.trainer.model.Adapted;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Fixture;
import dev.fluxtune.trainer.model.Gradients;
import dev.fluxtune.trainer.model.Llama;
import dev.fluxtune.trainer.model.Weights;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A step of adapters, against PEFT and transformers: tests/parity/make_adapters.py. */
class AdaptedStepTest {
  @ParameterizedTest
  @ValueSource(strings = {"defaults", "rslora", "tied", "regex", "biased", "whole", "layer"})
  void movesAdaptersAsPeftAndNothingElse(String name) {
    Adapted adapted = Adapted.of(name).dropping(0);
    Fixture base = adapted.base();
    JsonNode set = Adapted.settings(name);
    Llama.Options options = adapted.options(0, true);
    List<String> trained = options.trained().names(base.config());
    try (Weights weights = adapted.weights(Dtype.FLOAT32);
        Llama model = new Llama(base.config(), weights, options);
        Optimizer optimizer = Optimizer.of(weights, trained, settings(set));
        Gradients gradients = model.gradients(Dtype.FLOAT32)) {
      Map<String, float[]> before = values(weights);
      model.forwardBackward(base.batch(), base.scale(), gradients);
      double norm = optimizer.step(gradients, 1, set.path("rate").doubleValue()).getAsDouble();
      assertThat(norm / adapted.expected("norm")[0]).isCloseTo(1, within(1e-4));
      assertThat(trained.stream().mapToLong(it -> weights.get(it).size()).sum())
          .isEqualTo(set.path("trained").longValue());
      values(weights)
          .forEach(
              (weight, values) -> {
                if (trained.contains(weight)) {
                  assertThat(values).as(weight).isNotEqualTo(before.get(weight));
                  assertThat(Fixture.distance(values, adapted.expected("after." + weight)))
                      .as(weight)
                      .isLessThan(1e-4);
                } else {
                  assertThat(values).as(weight).isEqualTo(before.get(weight));
                }
              });
    }
  }

  private static Optimizer.Settings settings(JsonNode set) {
    return new Optimizer.Settings(
        set.path("betas").path(0).doubleValue(),
        set.path("betas").path(1).doubleValue(),
        set.path("epsilon").doubleValue(),
        set.path("decay").doubleValue(),
        set.path("largest").doubleValue());
  }

  private static Map<String, float[]> values(Weights weights) {
    Map<String, float[]> values = new LinkedHashMap<>();
    weights.names().forEach(name -> values.put(name, weights.get(name).toFloatArray()));
    return values;
  }
}
