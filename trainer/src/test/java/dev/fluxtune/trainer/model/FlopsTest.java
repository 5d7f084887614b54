package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.trainer.adapter.Lora;
import dev.fluxtune.trainer.adapter.Targets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class FlopsTest {
  /** vocabulary 10, hidden 4, intermediate 6, 3 layers, 2 heads of 2 on 1 key and value head. */
  private static final ModelConfig CONFIG =
      new ModelConfig(
          "llama",
          10,
          4,
          6,
          3,
          2,
          1,
          2,
          1e-5,
          1e4,
          Optional.empty(),
          true,
          false,
          OptionalInt.empty(),
          OptionalInt.empty(),
          0.02);

  /** 5 tokens in documents of 3 and 2, of which 2 are targets. */
  private static final MicroBatch MICRO =
      new MicroBatch(
          new int[5], new int[] {3, 2}, new int[] {0, 1, 2, 0, 1}, new long[2], new long[2]);

  // Products: q 4x4, k and v 2x4, o 4x4, gate, up and down 6x4: 120 weights, 2 each.
  // Attention: scores and values, 2 operations for each of 4 channels and 9 / 2 + 4 / 2 pairs.
  private static final double LAYER = 5 * 2 * 120 + 2 * (2 * 4 * (9 + 4) / 2.0);
  private static final double HEAD = 2 * (2 * 10 * 4);

  @Test
  void trainingAllIsThreeTimesForward() {
    assertThat(Flops.of(CONFIG, Trained.everything(), MICRO)).isEqualTo(3 * (3 * LAYER + HEAD));
  }

  @Test
  void whatIsFrozenBelowGoesForwardOnly() {
    assertThat(Flops.of(CONFIG, Trained.last(1, false), MICRO))
        .isEqualTo(3 * LAYER + 2 * LAYER + 2 * HEAD);
    assertThat(Flops.of(CONFIG, Trained.last(2, true), MICRO))
        .isEqualTo(3 * LAYER + 2 * 2 * LAYER + 3 * HEAD);
  }

  @Test
  void aFrozenProductIsNotMultipliedForItsGradient() {
    Lora lora = Lora.of(named("q_proj"), CONFIG.shapes());
    double products = 5 * 2 * 120;
    double adapter = 5 * 2 * (4 + 4); // A 1x4, B 4x1
    assertThat(Flops.of(CONFIG, new Trained.Adapters(lora, 0), MICRO))
        .isEqualTo(3 * (3 * LAYER - products + 3 * adapter) + 2 * HEAD);
    Lora top = Lora.of(named("2.self_attn.q_proj"), CONFIG.shapes());
    assertThat(Flops.of(CONFIG, new Trained.Adapters(top, 0), MICRO))
        .isEqualTo(2 * LAYER + 3 * LAYER - products + 3 * adapter + 2 * HEAD);
  }

  private static Lora.Settings named(String target) {
    return new Lora.Settings(1, 1, 0, false, new Targets.Names(List.of(target)), List.of());
  }
}
