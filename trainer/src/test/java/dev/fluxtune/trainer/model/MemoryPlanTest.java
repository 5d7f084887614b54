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
import java.util.Set;
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
    MemoryPlan plan =
        MemoryPlan.of(FIXTURE.config(), settings(Trained.everything(), true), 2, 16, true);
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
            16,
            true);
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
    MemoryPlan plan = MemoryPlan.of(config, settings(Trained.everything(), false), 1, tokens, true);
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
  void checkpointingKeepsTheInputsOfTrainedLayersAndAllOfTheTopOne() {
    ModelConfig config = FIXTURE.config();
    Trained trained = Trained.everything();
    MemoryPlan plan = MemoryPlan.of(config, settings(trained, true), 3, 7, true);
    long others = new Activations(config, trained, Dtype.FLOAT32).others(3 * 7);
    assertThat(plan.kept()).isEqualTo(2 * 4L * 3 * 7 * config.hiddenSize() + others);
  }

  @Test
  void moreLayersKeepAllWhereTheirGradientsAreStillToCome() {
    Activations activations = new Activations(sevenB(4), Trained.everything(), Dtype.BFLOAT16);
    long three = 3 * activations.input(10);
    long all = activations.others(10);
    assertThat(activations.whole(10, 0)).isEqualTo(1);
    assertThat(activations.whole(10, three + all - 1)).isEqualTo(1);
    assertThat(activations.whole(10, three + all)).isEqualTo(2);
    assertThat(activations.whole(10, three + 9 * all)).isEqualTo(4);
  }

  /** What the top layers keep is gone before the last gradients come. */
  @ParameterizedTest
  @CsvSource({"full, 4", "full, 8", "full, 16", "last 4, 8"})
  void thatRaisesNoPeak(String method, int chunks) {
    ModelConfig config = sevenB(12);
    MemoryPlan.Settings settings = settings(method, config, true);
    MemoryPlan plan = MemoryPlan.of(config, settings, chunks, 1024, false);
    MemoryPlan later = MemoryPlan.of(config, settings, chunks, 1024, true);
    assertThat(plan.peak()).isLessThanOrEqualTo(later.peak());
    Activations it = new Activations(config, settings.trained(), Dtype.BFLOAT16);
    long tokens = chunks * 1024L;
    Set<String> below = Set.copyOf(Activations.below(config, settings.trained()));
    long coming =
        config.shapes().entrySet().stream()
            .filter(weight -> below.contains(weight.getKey()))
            .mapToLong(weight -> 2 * weight.getValue().stream().reduce(1L, Math::multiplyExact))
            .sum();
    assertThat(it.whole(tokens, coming)).isGreaterThan(1);
    // At the bottom, where one layer's are there and nothing else.
    assertThat(plan.kept()).isEqualTo(it.input(tokens) + it.others(tokens));
  }

  /**
   * What nvidia-smi showed at most of whole models, random and in bf16 (+: with masters in single
   * precision), in chunks of 1,024 tokens, on an H100 with PyTorch 2.11, by
   * tests/benchmarks/gpu/compare: {@code tests/parity/README.md}.
   */
  @ParameterizedTest(name = "{0}, {1}, {2} x {3} chunks, checkpointing {4}")
  @CsvSource({
    "1.1B, full, 8, 1, false, 14.39",
    "1.1B, full, 16, 1, false, 21.67",
    "1.1B, full, 8, 1, true, 9.74",
    "7B, last 8, 8, 1, false, 27.18",
    "7B, last 8, 16, 1, false, 33.98",
    "7B, last 8, 16, 2, true, 27.44",
    "1.1B, full +, 8, 1, false, 22.74",
    "7B, last 8 +, 16, 2, true, 44.30",
    "7B, LoRA, 16, 2, true, 21.67",
    "7B, LoRA, 4, 1, false, 26.43",
  })
  void thePeakIsNearWhatACardShowed(
      String shape,
      String method,
      int chunks,
      int accumulation,
      boolean checkpointing,
      double gib) {
    ModelConfig config = shape.equals("7B") ? sevenB(32) : ONE_B;
    double planned = gib(config, method, chunks, accumulation, checkpointing);
    assertThat(planned).isBetween(gib * 0.99, gib * 1.05);
  }

  /** The same of the largest micro-batches of cards of 24, 40 and 80 GiB, 32 effective. */
  @ParameterizedTest(name = "7B, {0}, {1} chunks, checkpointing {2}")
  @CsvSource({
    "full, 32, true, 57.87",
    "full, 8, false, 75.68",
    "last 8, 2, true, 23.75",
    "last 8, 32, true, 30.86",
    "last 8, 16, false, 36.78",
    "LoRA, 16, true, 21.67",
    "LoRA, 8, false, 38.35",
    "LoRA, 16, false, 62.14",
    "QLoRA 8, 16, true, 15.64",
    "QLoRA 8, 8, false, 33.05",
    "QLoRA 4, 4, false, 18.58",
    "QLoRA 4, 32, true, 20.43",
  })
  void ofTheCellsOfTheTableToo(String method, int chunks, boolean checkpointing, double gib) {
    double planned = gib(sevenB(32), method, chunks, 32 / chunks, checkpointing);
    assertThat(planned).isBetween(gib * 0.96, gib * 1.08);
  }

  private static double gib(
      ModelConfig config, String method, int chunks, int accumulation, boolean checkpointing) {
    MemoryPlan.Settings settings = settings(method, config, checkpointing);
    MemoryPlan plan = MemoryPlan.of(config, settings, chunks, 1024, accumulation > 1);
    return plan.peak() / (double) (1L << 30);
  }

  /** As many as fit in what the top layer's backward pass takes, and in tiles. */
  @Test
  void theHeadTakesManyPositionsWhereThatRaisesNoPeak() {
    for (ModelConfig config : List.of(ONE_B, sevenB(32))) {
      Activations it = new Activations(config, Trained.everything(), Dtype.BFLOAT16);
      assertThat(Activations.singleAtOnce(config)).isEqualTo(1024);
      assertThat(it.logitsAtOnce(512)).isEqualTo(1024);
      for (long tokens : new long[] {8192, 16_384}) {
        int most = it.logitsAtOnce(tokens);
        assertThat(most).isGreaterThan(1024);
        assertThat(most % 256).isZero();
        assertThat(it.head(tokens, most)).isLessThanOrEqualTo(it.backward(tokens));
        assertThat(it.head(tokens, most + 256)).isGreaterThan(it.backward(tokens));
      }
    }
  }

  @Test
  void aboutAlikeEachTime() {
    assertThat(Activations.evenly(8192, 5888)).isEqualTo(4096);
    assertThat(Activations.evenly(8000, 5888)).isEqualTo(4096);
    assertThat(Activations.evenly(5000, 5888)).isEqualTo(5120);
    assertThat(Activations.evenly(1, 5888)).isEqualTo(256);
    assertThat(Activations.evenly(1000, 220)).isEqualTo(220);
  }

  private static MemoryPlan.Settings settings(
      String named, ModelConfig config, boolean checkpointing) {
    String method = named.replace(" +", "");
    boolean adapters = method.contains("LoRA");
    Optional<Quantization> form =
        switch (method) {
          case "QLoRA 8" -> Optional.of(Quantization.INT8);
          case "QLoRA 4" -> Optional.of(Quantization.NF4);
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
            : method.equals("full")
                ? Trained.everything()
                : Trained.last(Integer.parseInt(method.substring(5)), true);
    boolean masters = adapters || named.endsWith("+");
    return new MemoryPlan.Settings(trained, checkpointing, Dtype.BFLOAT16, masters, form);
  }

  private static final ModelConfig ONE_B = llama(2048, 5632, 22, 4);

  private static ModelConfig sevenB(int layers) {
    return llama(4096, 11_008, layers, 32);
  }

  private static ModelConfig llama(int hidden, int intermediate, int layers, int keyValueHeads) {
    return new ModelConfig(
        "llama",
        32_000,
        hidden,
        intermediate,
        layers,
        32,
        keyValueHeads,
        hidden / 32,
        1e-5,
        1e4,
        Optional.empty(),
        false,
        false,
        OptionalInt.empty(),
        OptionalInt.empty(),
        0.02);
  }
}
