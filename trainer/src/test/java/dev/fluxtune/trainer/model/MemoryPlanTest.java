package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.fluxtune.trainer.adapter.Lora;
import dev.fluxtune.trainer.adapter.Targets;
import dev.fluxtune.trainer.loop.MemoryPlan;
import dev.fluxtune.trainer.quantize.Quantization;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is predicted is what is there. */
class MemoryPlanTest {
  private static final Fixture FIXTURE = Fixture.of("qwen2");

  private static MemoryPlan.Settings settings(Trained trained, boolean checkpointing) {
    return new MemoryPlan.Settings(trained, checkpointing, Dtype.FLOAT32, false, Optional.empty());
  }

  @Test
  void weightsGradientsAndMomentsAreCountedExactly() {
    MemoryPlan plan = MemoryPlan.of(FIXTURE.config(), settings(Trained.everything(), true), 2, 16);
    try (Weights weights = FIXTURE.weights()) {
      assertThat(plan.weights()).isEqualTo(4 * weights.size());
      assertThat(plan.masters()).isZero();
      assertThat(plan.gradients()).isEqualTo(4 * weights.size());
      assertThat(plan.optimizer()).isEqualTo(8 * weights.size());
    }
  }

  @Test
  void adaptersHaveMastersAndTheBaseNone() {
    Lora lora = Lora.of(lora(), FIXTURE.config().shapes());
    MemoryPlan plan =
        MemoryPlan.of(
            FIXTURE.config(),
            new MemoryPlan.Settings(
                new Trained.Adapters(lora, 1), true, Dtype.BFLOAT16, true, Optional.empty()),
            2,
            16);
    try (Weights weights = FIXTURE.weights()) {
      long base = weights.size();
      weights.adapt(lora, FIXTURE.config(), 1);
      long adapters = weights.size() - base;
      assertThat(plan.weights()).isEqualTo(2 * (base + adapters));
      assertThat(plan.masters()).isEqualTo(4 * adapters);
      assertThat(plan.gradients()).isEqualTo(4 * adapters);
      assertThat(plan.optimizer()).isEqualTo(8 * adapters);
    }
  }

  private static Lora.Settings lora() {
    return new Lora.Settings(4, 8, 0.1, false, Targets.of(List.of("q_proj")), List.of());
  }

  /** Kept without checkpointing: what a layer keeps, for each. */
  @Test
  void activationsAreThoseThatALayerKeeps() {
    int tokens = 20;
    ModelConfig config = FIXTURE.config();
    MemoryPlan plan = MemoryPlan.of(config, settings(Trained.everything(), false), 1, tokens);
    try (Weights weights = FIXTURE.weights();
        NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
        TorchScript ops = LlamaScript.load(manager, config, weights)) {
      long kept =
          Modes.during(
              Device.cpu(),
              () -> {
                NDArray x = manager.randomNormal(new Shape(tokens, config.hiddenSize()));
                NDList documents =
                    ops.call(
                        manager,
                        "documents",
                        manager.create(IntStream.range(0, tokens).toArray()),
                        manager.create(config.frequencies()),
                        manager.create(new int[] {0, tokens}),
                        manager.create(new int[] {tokens, tokens}),
                        x);
                NDArray none = manager.create(new Shape(0));
                List<NDArray> w =
                    LlamaScript.layers(LlamaScript.layerNames(config, weights), weights, none)
                        .get(0);
                NDArray noSeeds = manager.create(new long[0]);
                NDList all = ops.call(manager, "layer_keeping", x, documents, noSeeds, w);
                all.remove(0); // the output, which is the next layer's x
                return all.stream().mapToLong(array -> 4 * array.size()).sum();
              });
      assertThat(plan.kept()).isEqualTo(config.layers() * kept);
    }
  }

  @Test
  void checkpointingKeepsTheInputsOfTrainedLayersAlone() {
    ModelConfig config = FIXTURE.config();
    MemoryPlan plan = MemoryPlan.of(config, settings(Trained.last(1, true), true), 3, 7);
    assertThat(plan.kept()).isEqualTo(4L * 3 * 7 * config.hiddenSize());
  }

  /**
   * What nvidia-smi showed at most while layers of 7B's shape were trained in bf16, 1,024 tokens a
   * chunk, on an H100 with PyTorch 2.11: {@code tests/parity/README.md}.
   */
  @ParameterizedTest(name = "{0}, {1} layers, {2} chunks, checkpointing {3}")
  @CsvSource({
    "full, 12, 8, true, 24.96",
    "full, 12, 4, false, 26.67",
    "full, 8, 16, true, 21.26",
    "last 4, 12, 16, true, 16.95",
    "last 4, 12, 8, false, 16.70",
    "LoRA, 8, 16, true, 11.15",
    "LoRA, 8, 4, false, 8.42",
    "QLoRA 8, 8, 16, true, 9.67",
    "QLoRA 4, 8, 16, true, 8.50",
  })
  void thePeakIsNearWhatACardShowed(
      String method, int layers, int chunks, boolean checkpointing, double gib) {
    ModelConfig config = sevenB(layers);
    MemoryPlan plan = MemoryPlan.of(config, settings(method, config, checkpointing), chunks, 1024);
    assertThat(plan.peak() / (double) (1L << 30)).isBetween(gib * 0.97, gib * 1.13);
  }

  private static MemoryPlan.Settings settings(
      String method, ModelConfig config, boolean checkpointing) {
    boolean adapters = method.contains("LoRA");
    Optional<Quantization> form =
        switch (method) {
          case "QLoRA 8" -> Optional.of(Quantization.INT8);
          case "QLoRA 4" -> Optional.of(Quantization.NF4_NESTED);
          default -> Optional.empty();
        };
    Lora.Settings four =
        new Lora.Settings(
            64,
            16,
            0.1,
            false,
            Targets.of(List.of("q_proj", "k_proj", "v_proj", "o_proj")),
            List.of());
    Trained trained =
        adapters
            ? new Trained.Adapters(Lora.of(four, config.shapes()), 1)
            : method.equals("full") ? Trained.everything() : Trained.last(4, true);
    return new MemoryPlan.Settings(trained, checkpointing, Dtype.BFLOAT16, adapters, form);
  }

  private static ModelConfig sevenB(int layers) {
    return new ModelConfig(
        "llama",
        32_000,
        4096,
        11_008,
        layers,
        32,
        32,
        128,
        1e-5,
        1e4,
        Optional.empty(),
        false,
        false,
        OptionalInt.empty(),
        0.02);
  }
}
