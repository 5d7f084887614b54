package dev.fluxtune.app;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.trainer.adapter.AdapterFolder;
import dev.fluxtune.trainer.checkpoint.Checkpoint;
import dev.fluxtune.trainer.checkpoint.Content;
import dev.fluxtune.trainer.checkpoint.SideFiles;
import dev.fluxtune.trainer.loop.Optimizer;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Gpu;
import dev.fluxtune.trainer.model.Llama;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.TensorBytes;
import dev.fluxtune.trainer.model.Trained;
import dev.fluxtune.trainer.model.Weights;
import dev.fluxtune.trainer.quantize.Quantization;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Owns what a run trains, in native memory: weights, model, optimizer. Close it after the trainer.
 */
final class Trainee implements AutoCloseable {
  private final Deque<Runnable> open;
  private final Setup setup;
  private final String name;
  private final Weights weights;
  private final Llama model;
  private final Optimizer optimizer;
  private final TensorBytes bytes;

  /**
   * Reads a model, or draws its weights where the folder has a configuration alone.
   *
   * @throws BadInputException if the folder holds no model that is supported, or memory does not
   *     suffice for it
   */
  static Trainee open(Setup setup, RunConfig config) {
    Deque<Runnable> open = new ArrayDeque<>();
    try {
      return new Trainee(setup, config, open);
    } catch (RuntimeException | Error e) {
      open.forEach(Runnable::run);
      if (e instanceof EngineException it && Gpu.outOfMemory(it)) {
        throw new BadInputException(
            """
            %s: the memory of the device does not suffice for the weights and their moments
              fewer unfrozen_layers or adapters (use_peft: true, a small lora_r) take less
              pipeline plan --memory_table shows what fits a card"""
                .formatted(setup.folder()),
            e);
      }
      throw e;
    }
  }

  /**
   * @param open takes what is to be closed, the last first; what it holds where this throws, too
   */
  private Trainee(Setup setup, RunConfig run, Deque<Runnable> open) {
    this.open = open;
    this.setup = setup;
    this.name = run.model().modelNameOrPath().orElse(setup.folder().toString());
    ModelConfig config = setup.config();
    Trained trained = setup.trained();
    Precision precision = setup.precision();
    List<String> names = trained.names(config);
    Set<String> whole = config.shapes().keySet();
    long seed = run.training().seed();
    this.weights = weights(whole, precision.weights(), setup.form(), seed);
    open.push(weights::close);
    Optimizer.Settings settings = Optimizer.Settings.of(run.training());
    this.optimizer =
        precision.masters()
            ? Optimizer.withMasters(
                weights,
                weights(
                    whole.stream().filter(names::contains).toList(),
                    Dtype.FLOAT32,
                    Optional.empty(),
                    seed),
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

  /** Some of the model's, with the adapters where there are any. */
  private Weights weights(
      Collection<String> names, Dtype dtype, Optional<Quantization> form, long seed) {
    ModelConfig config = setup.config();
    Device device = setup.precision().device();
    Weights made =
        setup.drawn()
            ? form.map(it -> it.random(config, names, seed, device, dtype))
                .orElseGet(() -> Weights.random(config, names, seed, device, dtype))
            : form.map(it -> it.read(setup.folder(), config, names, device, dtype))
                .orElseGet(() -> Weights.read(setup.folder(), config, names, device, dtype));
    setup.lora().ifPresent(it -> made.adapt(it, config, seed));
    return made;
  }

  Llama model() {
    return model;
  }

  Setup setup() {
    return setup;
  }

  ModelConfig config() {
    return setup.config();
  }

  Weights weights() {
    return weights;
  }

  Optimizer optimizer() {
    return optimizer;
  }

  long parameters() {
    return weights.size();
  }

  long trainedParameters() {
    return trainedNames().stream().mapToLong(name -> weights.get(name).size()).sum();
  }

  private List<String> trainedNames() {
    return setup.trained().names(setup.config());
  }

  /** What lies beside the weights that are written, which learn how documents of {@code io} end. */
  SideFiles sideFiles(Ports io) {
    Optional<Path> tokenizer = io.tokenizerFile().map(file -> file.resolveSibling(""));
    SideFiles files =
        setup
            .lora()
            .map(it -> SideFiles.ofAdapter(AdapterFolder.config(it, name), tokenizer))
            .orElseGet(() -> SideFiles.read(setup.folder(), tokenizer));
    OptionalInt end = io.endId();
    return end.isPresent()
        ? files.endingWith(end.getAsInt(), io.config().model().eosToken())
        : files;
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
    boolean adapted = setup.lora().isPresent();
    for (String weight : adapted ? trainedNames() : weights.names()) {
      arrays.put(
          adapted ? AdapterFolder.peftName(weight) : weight,
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
