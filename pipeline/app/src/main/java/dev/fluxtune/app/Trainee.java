package dev.fluxtune.app;

import ai.djl.ndarray.NDArray;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.trainer.adapter.AdapterFolder;
import dev.fluxtune.trainer.adapter.Lora;
import dev.fluxtune.trainer.adapter.Targets;
import dev.fluxtune.trainer.checkpoint.Checkpoint;
import dev.fluxtune.trainer.checkpoint.Content;
import dev.fluxtune.trainer.checkpoint.SideFiles;
import dev.fluxtune.trainer.loop.Optimizer;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Llama;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.TensorBytes;
import dev.fluxtune.trainer.model.Trained;
import dev.fluxtune.trainer.model.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Owns what a run trains, in native memory: weights, model, optimizer. Close it after the trainer.
 */
final class Trainee implements AutoCloseable {
  private final Deque<Runnable> open;
  private final Path folder;
  private final String name;
  private final boolean drawn;
  private final ModelConfig config;
  private final Precision precision;
  private final Trained trained;
  private final Weights weights;
  private final Llama model;
  private final Optimizer optimizer;
  private final TensorBytes bytes;

  /**
   * Reads a model, or draws its weights where the folder has a configuration alone.
   *
   * @throws BadInputException if the folder holds no model that is supported
   */
  static Trainee open(Path folder, RunConfig config) {
    Deque<Runnable> open = new ArrayDeque<>();
    try {
      return new Trainee(folder, config, open);
    } catch (RuntimeException | Error e) {
      open.forEach(Runnable::run);
      throw e;
    }
  }

  /**
   * @param open takes what is to be closed, the last first; what it holds where this throws, too
   */
  private Trainee(Path folder, RunConfig run, Deque<Runnable> open) {
    this.open = open;
    this.folder = folder;
    this.name = run.model().modelNameOrPath().orElse(folder.toString());
    if (AdapterFolder.is(folder)) {
      throw new BadInputException(
          folder
              + ": holds an adapter, and training begins from a whole model: give its base, or the"
              + " folder that pipeline merge makes of both");
    }
    this.config = ModelConfig.read(folder);
    this.drawn = !hasWeights(folder);
    this.precision = Precision.of(run, folder, drawn);
    this.trained = trained(run);
    List<String> names = trained.names(config);
    List<String> whole = List.copyOf(config.shapes().keySet());
    long seed = run.training().seed();
    this.weights = weights(whole, precision.weights(), seed);
    open.push(weights::close);
    Optimizer.Settings settings = Optimizer.Settings.of(run.training());
    this.optimizer =
        precision.masters()
            ? Optimizer.withMasters(
                weights,
                weights(whole.stream().filter(names::contains).toList(), Dtype.FLOAT32, seed),
                settings)
            : Optimizer.of(weights, names, settings);
    open.push(optimizer::close);
    this.model =
        new Llama(
            config,
            weights,
            new Llama.Options(
                trained,
                run.training().gradientCheckpointing(),
                run.chunks().packedAttention() == RunConfig.PackedAttention.CHUNK));
    open.push(model::close);
    this.bytes = new TensorBytes();
    open.push(bytes::close);
  }

  private Trained trained(RunConfig run) {
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

  /** Some of the model's, with the adapters where there are any. */
  private Weights weights(List<String> names, Dtype dtype, long seed) {
    Weights made =
        drawn
            ? Weights.random(config, names, seed, precision.device(), dtype)
            : Weights.read(folder, config, names, precision.device(), dtype);
    lora().ifPresent(it -> made.adapt(it, config, seed));
    return made;
  }

  /** The adapters that are trained, if that is what is trained. */
  Optional<Lora> lora() {
    return trained instanceof Trained.Adapters it ? Optional.of(it.lora()) : Optional.empty();
  }

  Llama model() {
    return model;
  }

  ModelConfig config() {
    return config;
  }

  Weights weights() {
    return weights;
  }

  Optimizer optimizer() {
    return optimizer;
  }

  Precision precision() {
    return precision;
  }

  /** Whether the weights were drawn by the seed. */
  boolean drawn() {
    return drawn;
  }

  long parameters() {
    return weights.size();
  }

  long trainedParameters() {
    return trained.names(config).stream().mapToLong(name -> weights.get(name).size()).sum();
  }

  /**
   * What lies beside the weights that are written.
   *
   * @param tokenizer its folder, where there is one
   */
  SideFiles sideFiles(Optional<Path> tokenizer) {
    return lora()
        .map(it -> SideFiles.ofAdapter(AdapterFolder.config(it, name), tokenizer))
        .orElseGet(() -> SideFiles.read(folder, tokenizer));
  }

  /** The model, or the adapters, as they are to be written: masters where there are. */
  Map<String, Content> modelContents() {
    return bytes.of(modelArrays());
  }

  /** What else a checkpoint keeps. */
  Map<String, Content> optimizerContents() {
    return bytes.of(moments());
  }

  private Map<String, NDArray> modelArrays() {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    for (String weight : lora().isPresent() ? trained.names(config) : weights.names()) {
      arrays.put(
          lora().isPresent() ? AdapterFolder.peftName(weight) : weight,
          optimizer.state().getOrDefault("master." + weight, weights.get(weight)));
    }
    return arrays;
  }

  private Map<String, NDArray> moments() {
    Map<String, NDArray> arrays = new LinkedHashMap<>(optimizer.state());
    arrays.keySet().removeIf(name -> name.startsWith("master."));
    return arrays;
  }

  /** Takes weights and moments from a checkpoint, to the bit. */
  void restore(Checkpoint from) {
    restoreModel(from);
    bytes.read(from.optimizer(), moments());
  }

  /** Takes the weights of a checkpoint. */
  void restoreModel(Checkpoint from) {
    bytes.read(from.model(), modelArrays());
    optimizer.roundMasters();
  }

  @Override
  public void close() {
    open.forEach(Runnable::run);
    open.clear();
  }
}
