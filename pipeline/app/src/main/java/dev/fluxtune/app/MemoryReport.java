package dev.fluxtune.app;

import ai.djl.Device;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.fluxtune.app.config.Key;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.trainer.loop.MemoryPlan;
import dev.fluxtune.trainer.model.Gpu;
import dev.fluxtune.trainer.model.ModelConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What of a device's memory training takes, predicted, in bytes; the components are the keys of
 * {@code memory} in {@code plan --json}.
 *
 * @param perDeviceTrainBatchSize chunks of a micro-batch, for which the parts are
 * @param maxLength their tokens
 * @param largestBatchSize chunks of the largest micro-batch that fits and divides the effective
 *     batch; 0: none
 * @param table other ways to train the same model, where it was asked for
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
record MemoryReport(
    long device,
    int perDeviceTrainBatchSize,
    int maxLength,
    MemoryPlan parts,
    long peak,
    int largestBatchSize,
    List<Cell> table) {

  /**
   * A way to train.
   *
   * @param peak with the largest micro-batch that fits, else with one chunk
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  record Cell(String method, boolean gradientCheckpointing, int largestBatchSize, long peak) {}

  private static final int LAST_LAYERS = 8; // where unfrozen_layers says nothing

  /**
   * Predicts it for a GPU, without reading a weight.
   *
   * @param device its bytes
   * @param length tokens of a chunk
   * @param compare whether to fill the table
   */
  static MemoryReport of(Path model, RunConfig config, long device, int length, boolean compare) {
    Setup setup = Setup.of(model, config, Device.gpu());
    boolean checkpointing = config.training().gradientCheckpointing();
    int chunks = config.chunks().perDeviceTrainBatchSize();
    MemoryPlan parts = setup.memory(checkpointing, chunks, effective(config), length);
    return new MemoryReport(
        device,
        chunks,
        length,
        parts,
        parts.peak(),
        largest(setup, checkpointing, effective(config), length, device),
        compare ? table(model, config, device, length) : List.of());
  }

  /** Chunks between two updates. */
  private static int effective(RunConfig config) {
    return config.chunks().perDeviceTrainBatchSize() * config.chunks().gradientAccumulationSteps();
  }

  /** The largest part of {@code chunks} that fits and divides them; 0: none. */
  private static int largest(
      Setup setup, boolean checkpointing, int chunks, int length, long device) {
    for (int some = chunks; some > 0; some--) {
      if (chunks % some == 0
          && setup.memory(checkpointing, some, chunks, length).peak() <= device) {
        return some;
      }
    }
    return 0;
  }

  /** How many chunks of a micro-batch to begin with ({@code auto_find_batch_size}), at least 1. */
  static int chunksAtOnce(Setup setup, RunConfig config, OptionalInt length) {
    int chunks = config.chunks().perDeviceTrainBatchSize();
    OptionalLong device = Gpu.totalBytes();
    if (setup.precision().device().isGpu() && device.isPresent() && length.isPresent()) {
      boolean checkpointing = config.training().gradientCheckpointing();
      while (chunks > 1
          && setup.memory(checkpointing, chunks, effective(config), length.getAsInt()).peak()
              > device.getAsLong()) {
        chunks--;
      }
    }
    return chunks;
  }

  private static List<Cell> table(Path model, RunConfig config, long device, int length) {
    List<Cell> cells = new ArrayList<>();
    methods(config, ModelConfig.read(model).layers())
        .forEach(
            (method, changes) -> {
              Setup setup = Setup.of(model, Key.changed(config, changes), Device.gpu());
              for (boolean checkpointing : new boolean[] {true, false}) {
                int fits = largest(setup, checkpointing, effective(config), length, device);
                MemoryPlan plan =
                    setup.memory(checkpointing, Math.max(1, fits), effective(config), length);
                cells.add(new Cell(method, checkpointing, fits, plan.peak()));
              }
            });
    return cells;
  }

  /** What each way sets; the rest is the configuration's. */
  private static Map<String, Map<String, Object>> methods(RunConfig config, int layers) {
    Optional<Integer> all = Optional.empty();
    int last = config.model().unfrozenLayers().orElse(Math.min(LAST_LAYERS, layers));
    Map<String, Map<String, Object>> methods = new LinkedHashMap<>();
    methods.put("full", keys(false, all, false, false));
    methods.put("last " + last, keys(false, Optional.of(last), false, false));
    methods.put("LoRA", keys(true, all, false, false));
    methods.put("QLoRA 8", keys(true, all, true, false));
    methods.put("QLoRA 4", keys(true, all, false, true));
    return methods;
  }

  private static Map<String, Object> keys(
      boolean peft, Optional<Integer> layers, boolean eight, boolean four) {
    return Map.of(
        "use_peft", peft,
        "unfrozen_layers", layers,
        "load_in_8bit", eight,
        "load_in_4bit", four);
  }

  /** What a person reads. */
  Table lines() {
    Table text =
        new Table()
            .line("device memory", gib(device), "")
            .line(
                "  predicted peak",
                gib(peak),
                String.format(
                    Locale.ROOT,
                    "%d x %,d tokens at once%s",
                    perDeviceTrainBatchSize,
                    maxLength,
                    peak > device ? ": does not fit" : ""));
    part(text, "weights", parts.weights());
    part(text, "masters", parts.masters());
    part(text, "gradients", parts.gradients());
    part(text, "optimizer", parts.optimizer());
    part(text, "kept activations", parts.kept());
    part(text, "recomputation", parts.recomputation());
    part(text, "logits", parts.logits());
    part(text, "workspace", parts.workspace());
    text.line(
        "largest micro-batch",
        largestBatchSize,
        largestBatchSize == 0 ? "not even one chunk fits" : "that divides the effective batch");
    for (Cell cell : table) {
      text.line(
          cell.method() + (cell.gradientCheckpointing() ? ", checkpointing" : ""),
          cell.largestBatchSize() == 0 ? "does not fit" : "" + cell.largestBatchSize(),
          gib(cell.peak()) + (cell.largestBatchSize() == 0 ? " with one chunk" : ""));
    }
    return text;
  }

  private static void part(Table text, String name, long bytes) {
    if (bytes > 0) {
      text.line("    " + name, gib(bytes), "");
    }
  }

  private static String gib(long bytes) {
    return String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30));
  }
}
