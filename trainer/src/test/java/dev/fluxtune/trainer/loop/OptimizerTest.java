package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Fixture;
import dev.fluxtune.trainer.model.Gradients;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.NativeMemory;
import dev.fluxtune.trainer.model.Trained;
import dev.fluxtune.trainer.model.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class OptimizerTest {
  private static final Optimizer.Settings DECAYING =
      new Optimizer.Settings(0.9, 0.999, 1e-8, 0.5, 1);

  @Test
  void gradientsAreScaledToTheLargestNormAndTheNormBeforeIsTold() {
    try (Rig rig = Rig.tiny();
        Gradients gradients = rig.model().gradients(Dtype.FLOAT32)) {
      gradients.get(ModelConfig.NORM).set(new float[] {3, 0, 0, 0});
      gradients.get("model.layers.0.input_layernorm.weight").set(new float[] {0, 4, 0, 0});
      assertThat(rig.optimizer().step(gradients, 1, 0).getAsDouble()).isEqualTo(5);
      assertThat(gradients.get(ModelConfig.NORM).toFloatArray()[0]).isCloseTo(0.6f, within(1e-6f));
      assertThat(rig.optimizer().step(gradients, 2, 0).getAsDouble()).isCloseTo(1, within(1e-6));
      assertThat(gradients.get(ModelConfig.NORM).toFloatArray()[0]).isCloseTo(0.6f, within(2e-6f));
    }
  }

  @Test
  void withoutALargestNormNothingIsScaled() {
    Optimizer.Settings unclipped = new Optimizer.Settings(0.9, 0.999, 1e-8, 0, 0);
    try (Rig rig =
            Rig.of(
                Rig.TINY,
                Weights.random(Rig.TINY, 1, Device.cpu(), Dtype.FLOAT32),
                Trained.everything(),
                false,
                unclipped);
        Gradients gradients = rig.model().gradients(Dtype.FLOAT32)) {
      gradients.get(ModelConfig.NORM).set(new float[] {3, 4, 0, 0});
      assertThat(rig.optimizer().step(gradients, 1, 0).getAsDouble()).isEqualTo(5);
      assertThat(gradients.get(ModelConfig.NORM).toFloatArray()).containsExactly(3, 4, 0, 0);
    }
  }

  @Test
  void normsAndBiasesDoNotDecay() {
    Fixture fixture = Fixture.of("qwen2");
    try (Rig rig =
            Rig.of(fixture.config(), fixture.weights(), Trained.everything(), false, DECAYING);
        Gradients gradients = rig.model().gradients(Dtype.FLOAT32)) {
      Map<String, float[]> before = rig.values();
      rig.optimizer().step(gradients, 1, 0.1);
      int kept = 0;
      for (Map.Entry<String, float[]> now : rig.values().entrySet()) {
        float was = before.get(now.getKey())[0];
        if (now.getKey().matches(".*(norm\\.weight|\\.bias)")) {
          assertThat(now.getValue()).isEqualTo(before.get(now.getKey()));
          kept++;
        } else {
          assertThat(now.getValue()[0]).as(now.getKey()).isCloseTo(was * 0.95f, within(1e-6f));
        }
      }
      assertThat(kept).isEqualTo(2 * 5 + 1);
    }
  }

  @Test
  void copyingItsStateGoesOnToTheBit() {
    try (Rig straight = Rig.tiny();
        Rig resumed = Rig.tiny();
        Gradients gradients = straight.model().gradients(Dtype.FLOAT32)) {
      for (int step = 1; step <= 2; step++) {
        fill(gradients, step);
        straight.optimizer().step(gradients, step, 0.01);
      }
      straight
          .optimizer()
          .state()
          .forEach((name, array) -> array.copyTo(resumed.optimizer().state().get(name)));
      straight
          .values()
          .keySet()
          .forEach(name -> straight.weights().get(name).copyTo(resumed.weights().get(name)));
      for (Rig rig : List.of(straight, resumed)) {
        fill(gradients, 3);
        rig.optimizer().step(gradients, 3, 0.01);
      }
      Map<String, float[]> expected = straight.values();
      resumed
          .values()
          .forEach((name, values) -> assertThat(values).as(name).isEqualTo(expected.get(name)));
    }
  }

  @Test
  void itsStateIsInTheOrderOfTheWeights() {
    try (Rig rig = Rig.tiny()) {
      List<String> expected = new ArrayList<>();
      for (String moment : List.of("exp_avg.", "exp_avg_sq.")) {
        rig.weights().names().forEach(name -> expected.add(moment + name));
      }
      assertThat(rig.optimizer().state().keySet()).containsExactlyElementsOf(expected);
    }
  }

  @Test
  void whereItCannotBeMadeNothingOfItStays() {
    List<String> names = List.of(ModelConfig.NORM, "nowhere");
    try (Weights weights = Weights.random(Rig.TINY, 1, Device.cpu(), Dtype.FLOAT32)) {
      int before = NativeMemory.arrays();
      assertThatThrownBy(() -> Optimizer.of(weights, names, DECAYING))
          .hasMessageContaining("no weight nowhere");
      assertThat(NativeMemory.arrays()).isEqualTo(before);
      List<String> more = Trained.everything().names(Rig.TINY);
      try (Weights few =
          Weights.random(Rig.TINY, List.of(ModelConfig.NORM), 1, Device.cpu(), Dtype.BFLOAT16)) {
        int between = NativeMemory.arrays();
        Weights masters = Weights.random(Rig.TINY, more, 1, Device.cpu(), Dtype.FLOAT32);
        assertThatThrownBy(() -> Optimizer.withMasters(few, masters, DECAYING))
            .hasMessageContaining("no weight model.embed_tokens.weight");
        assertThat(NativeMemory.arrays()).isEqualTo(between);
      }
    }
  }

  @Test
  void mastersKeepWhatBf16WouldLose() {
    Trained trained = Trained.last(1, true);
    List<String> names = trained.names(Rig.TINY);
    try (Weights weights = Weights.random(Rig.TINY, 1, Device.cpu(), Dtype.BFLOAT16);
        Optimizer optimizer =
            Optimizer.withMasters(
                weights,
                Weights.random(Rig.TINY, names, 1, Device.cpu(), Dtype.FLOAT32),
                Optimizer.Settings.DEFAULTS);
        Gradients gradients = new Gradients(weights, names, optimizer.dtype())) {
      assertThat(optimizer.dtype()).isEqualTo(Dtype.FLOAT32);
      String head = ModelConfig.HEAD;
      NDArray master = optimizer.state().get("master." + head);
      float[] before = master.toFloatArray();
      for (int step = 1; step <= 100; step++) {
        fill(gradients, 1);
        optimizer.step(gradients, step, 1e-4);
      }
      // Every step is about 1e-4 against the gradient: in bf16 that rounds to nothing near 1.
      float[] after = master.toFloatArray();
      float[] working = floats(weights.get(head));
      for (int i = 0; i < after.length; i++) {
        assertThat(Math.abs(after[i] - before[i])).isCloseTo(0.01f, within(1e-4f));
        assertThat(working[i]).isCloseTo(after[i], within(Math.abs(after[i]) / 256));
        assertThat(Float.floatToIntBits(working[i]) & 0xffff).as("bf16").isZero();
      }
      assertThat(optimizer.state()).hasSize(3 * names.size());
    }
  }

  @Test
  void bf16AloneMovesWithoutMasters() {
    Weights weights = Weights.random(Rig.TINY, 1, Device.cpu(), Dtype.BFLOAT16);
    Batch batch = Batch.stack(Rig.chunks(4, 6, 8, 3), OptionalInt.empty());
    try (Rig rig =
            Rig.of(Rig.TINY, weights, Trained.everything(), false, Optimizer.Settings.DEFAULTS);
        Gradients gradients = rig.model().gradients(rig.optimizer().dtype())) {
      assertThat(rig.optimizer().dtype()).isEqualTo(Dtype.BFLOAT16);
      assertThat(rig.optimizer().state()).hasSize(2 * weights.names().size());
      float[] before = floats(weights.get(ModelConfig.HEAD));
      rig.model().forwardBackward(batch, 1.0 / batch.trainedTokens(), gradients);
      float[] gradient = floats(gradients.get(ModelConfig.HEAD));
      assertThat(rig.optimizer().step(gradients, 1, 0.1).getAsDouble()).isPositive();
      float[] after = floats(weights.get(ModelConfig.HEAD));
      for (int i = 0; i < after.length; i++) {
        float expected = before[i] - 0.1f * Math.signum(gradient[i]); // AdamW's first step
        assertThat(after[i]).isCloseTo(expected, within(0.01f));
      }
    }
  }

  @Test
  void closingFreesMomentsAndMasters() {
    try (Weights weights = Weights.random(Rig.TINY, 1, Device.cpu(), Dtype.BFLOAT16)) {
      int before = NativeMemory.arrays();
      Weights masters = Weights.random(Rig.TINY, 1, Device.cpu(), Dtype.FLOAT32);
      try (Optimizer optimizer =
              Optimizer.withMasters(weights, masters, Optimizer.Settings.DEFAULTS);
          Gradients gradients = new Gradients(weights, weights.names(), optimizer.dtype())) {
        optimizer.step(gradients, 1, 0.1);
        assertThat(NativeMemory.arrays()).isGreaterThan(before + 3 * weights.names().size());
      }
      assertThat(NativeMemory.arrays()).isEqualTo(before);
    }
  }

  /** Gradients that differ by weight, place and seed, none of them near zero. */
  private static void fill(Gradients gradients, int seed) {
    for (String name : gradients.names()) {
      float[] values = new float[(int) gradients.get(name).size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (1.5 + Math.sin(name.hashCode() + seed + i));
      }
      gradients.get(name).set(values);
    }
  }

  private static float[] floats(NDArray bf16) {
    try (NDArray single = bf16.toType(DataType.FLOAT32, true)) {
      return single.toFloatArray();
    }
  }
}
