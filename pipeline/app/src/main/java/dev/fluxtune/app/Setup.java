package dev.fluxtune.app;

import ai.djl.Device;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.trainer.adapter.AdapterFolder;
import dev.fluxtune.trainer.adapter.Lora;
import dev.fluxtune.trainer.adapter.Targets;
import dev.fluxtune.trainer.loop.MemoryPlan;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.Trained;
import dev.fluxtune.trainer.quantize.Quantization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What of a model is trained, and how it lies in memory: all that is known before a weight is read.
 *
 * @param drawn whether the folder has a configuration alone, so that the weights are drawn
 * @param form of the weights of the layers' products; empty: as the others
 */
record Setup(
    Path folder,
    ModelConfig config,
    boolean drawn,
    Precision precision,
    Trained trained,
    Optional<Quantization> form) {

  /**
   * Reads the model's configuration.
   *
   * @throws BadInputException if the folder holds no model that is supported
   */
  static Setup of(Path folder, RunConfig run, Device device) {
    if (AdapterFolder.is(folder)) {
      throw new BadInputException(
          folder
              + ": holds an adapter, and training begins from a whole model: give its base, or the"
              + " folder that pipeline merge makes of both");
    }
    ModelConfig config = ModelConfig.read(folder);
    boolean drawn = !hasWeights(folder);
    return new Setup(
        folder,
        config,
        drawn,
        Precision.of(run, folder, drawn, device),
        trained(folder, config, run),
        form(run.adapter()));
  }

  private static Trained trained(Path folder, ModelConfig config, RunConfig run) {
    if (run.adapter().usePeft()) {
      return new Trained.Adapters(
          Lora.of(settings(run.adapter()), config.shapes()), run.training().seed());
    }
    RunConfig.Model wanted = run.model();
    if (wanted.unfrozenLayers().isEmpty()) {
      return Trained.everything();
    }
    int layers = wanted.unfrozenLayers().get();
    if (layers > config.layers()) {
      throw new BadInputException(
          "unfrozen_layers: must be at most %d, the layers of %s (got %d)"
              .formatted(config.layers(), folder, layers));
    }
    return Trained.last(layers, wanted.trainHead());
  }

  private static Lora.Settings settings(RunConfig.Adapter wanted) {
    return new Lora.Settings(
        wanted.loraR(),
        wanted.loraAlpha(),
        wanted.loraDropout(),
        wanted.useRslora(),
        Targets.of(wanted.loraTargetModules()),
        wanted.loraModulesToSave());
  }

  private static Optional<Quantization> form(RunConfig.Adapter wanted) {
    return Quantization.of(
        wanted.loadIn8bit(),
        wanted.loadIn4bit(),
        wanted.bnb4bitQuantType(),
        wanted.useBnbNestedQuant());
  }

  /** Whether a folder holds weights; such as cannot be read are an error. */
  static boolean hasWeights(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      List<String> names = files.map(it -> it.getFileName().toString()).toList();
      // An index alone is a model, too: one whose shards are missing, which reading it tells.
      boolean safe =
          names.stream()
              .anyMatch(it -> it.endsWith(".safetensors") || it.equals(CheckpointFormat.INDEX));
      if (!safe && names.stream().anyMatch(it -> it.matches(".*\\.(bin|bin\\.index\\.json|pth)"))) {
        throw new BadInputException(
            folder
                + ": its weights are pickled, and only safetensors are read; load and save it once"
                + " with transformers: model.save_pretrained(folder)");
      }
      return safe;
    } catch (IOException e) {
      throw new BadInputException(
          folder
              + ": cannot be read ("
              + Reason.of(e)
              + "); model_name_or_path takes a model's folder",
          e);
    }
  }

  /** The adapters that are trained, if that is what is trained. */
  Optional<Lora> lora() {
    return trained.lora();
  }

  /**
   * The memory that training takes with so many chunks of {@code length} tokens at a time, of
   * {@code effective} in a step.
   */
  MemoryPlan memory(boolean checkpointing, int chunks, int effective, int length) {
    return MemoryPlan.of(
        config,
        new MemoryPlan.Settings(
            trained, checkpointing, precision.weights(), precision.masters(), form),
        chunks,
        length,
        effective > chunks);
  }
}
