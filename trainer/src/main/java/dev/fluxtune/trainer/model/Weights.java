package dev.fluxtune.trainer.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.adapter.AdapterFolder;
import dev.fluxtune.trainer.adapter.Lora;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * A model's weights by their Hugging Face names, on one device, in one type. Owns native memory.
 */
public final class Weights implements AutoCloseable {
  private final NDManager manager;
  private final Dtype dtype;
  private final Map<String, NDArray> arrays = new LinkedHashMap<>();
  private Optional<Lora> lora = Optional.empty();

  private Weights(Device device, Dtype dtype) {
    this.manager = NDManager.newBaseManager(device, "PyTorch");
    this.dtype = dtype;
  }

  /**
   * Reads {@code model.safetensors}, or the shards that {@code model.safetensors.index.json} names.
   * Files are mapped; each tensor is copied once, to the device, and converted there.
   *
   * @throws BadInputException if a file is damaged, a weight is missing, unknown or misshapen
   */
  public static Weights read(Path folder, ModelConfig config, Device device, Dtype dtype) {
    return read(folder, config, config.shapes().keySet(), device, dtype);
  }

  /** Reads some of the weights; the others are checked too, but not kept. */
  public static Weights read(
      Path folder, ModelConfig config, Collection<String> names, Device device, Dtype dtype) {
    WeightFiles files = WeightFiles.find(folder, config);
    Set<String> wanted = Set.copyOf(names);
    return new Weights(device, dtype)
        .filled(
            (weights, tensors) ->
                files.forEach(
                    (name, file) -> {
                      if (wanted.contains(name)) {
                        weights.arrays.put(
                            name,
                            tensors.read(
                                weights.manager, file, WeightFiles.tensor(file, name), dtype));
                      }
                    }));
  }

  /**
   * Makes an untrained model: normal(0, {@code initializer_range}), norms one, biases zero. The
   * same seed gives the same bits on the same kind of machine, whatever the device.
   */
  public static Weights random(ModelConfig config, long seed, Device device, Dtype dtype) {
    return random(config, config.shapes().keySet(), seed, device, dtype);
  }

  /** Makes some of an untrained model's weights: those that the whole of it would have. */
  public static Weights random(
      ModelConfig config, Collection<String> names, long seed, Device device, Dtype dtype) {
    Set<String> wanted = Set.copyOf(names);
    return new Weights(device, dtype)
        .filled((weights, tensors) -> weights.draw(config, wanted, seed, tensors));
  }

  private Weights filled(BiConsumer<Weights, Tensors> fill) {
    return Modes.during(
        manager.getDevice(),
        () -> {
          try (Tensors tensors = new Tensors()) {
            fill.accept(this, tensors);
            return this;
          } catch (RuntimeException | Error e) {
            close();
            throw e;
          }
        });
  }

  private void draw(ModelConfig config, Set<String> wanted, long seed, Tensors tensors) {
    if (wanted.isEmpty()) {
      return;
    }
    float range = (float) config.initializerRange();
    try (NDManager host = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
      host.getEngine().setRandomSeed(Long.hashCode(seed)); // it takes an int
      config
          .shapes()
          .forEach(
              (name, sizes) -> {
                Shape shape = new Shape(sizes.stream().mapToLong(Long::longValue).toArray());
                try (NDArray drawn = initial(host, name, shape, range)) {
                  if (wanted.contains(name)) {
                    arrays.put(name, tensors.converted(manager, drawn, dtype));
                  }
                }
              });
    }
  }

  private static NDArray initial(NDManager host, String name, Shape shape, float range) {
    if (name.endsWith(".bias")) {
      return host.zeros(shape);
    }
    return shape.dimension() == 1
        ? host.ones(shape)
        : host.randomNormal(0f, range, shape, DataType.FLOAT32);
  }

  /**
   * Adds untrained adapters, as PEFT begins: A uniform within 1 / √in (Kaiming's, a = √5), B zero.
   * The same seed gives the same bits.
   */
  public void adapt(Lora adapters, ModelConfig config, long seed) {
    lora = Optional.of(adapters);
    filled(
        (weights, tensors) -> {
          try (NDManager host = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
            // Not the seed itself: a model that is drawn, too, would begin with the same numbers.
            host.getEngine().setRandomSeed(Long.hashCode(~seed));
            adapters
                .shapes(config.shapes())
                .forEach(
                    (name, sizes) -> {
                      if (!adapters.saved().contains(name)) {
                        try (NDArray drawn = initial(host, name, sizes)) {
                          arrays.put(name, tensors.converted(manager, drawn, dtype));
                        }
                      }
                    });
          }
        });
  }

  /** Adds the adapters of a folder; what was trained whole takes the place of the base's. */
  public void adapt(AdapterFolder adapters, ModelConfig config) {
    lora = Optional.of(adapters.lora());
    filled(
        (weights, tensors) -> {
          for (String name : adapters.lora().shapes(config.shapes()).keySet()) {
            NDArray read = tensors.read(manager, adapters.file(), adapters.tensor(name), dtype);
            NDArray replaced = arrays.put(name, read);
            if (replaced != null) {
              replaced.close();
            }
          }
        });
  }

  private static NDArray initial(NDManager host, String name, List<Long> sizes) {
    Shape shape = new Shape(sizes.get(0), sizes.get(1));
    float bound = (float) (1 / Math.sqrt(sizes.get(1)));
    return Lora.isA(name)
        ? host.randomUniform(-bound, bound, shape, DataType.FLOAT32)
        : host.zeros(shape);
  }

  /** The adapters, where there are any: their arrays are among ours. */
  public Optional<Lora> lora() {
    return lora;
  }

  /** The names, in the order of the mathematics: embedding, layers, final norm, head; adapters. */
  public List<String> names() {
    return List.copyOf(arrays.keySet());
  }

  /** A weight; it stays ours. */
  public NDArray get(String name) {
    NDArray array = arrays.get(name);
    if (array == null) {
      throw new IllegalArgumentException("no weight " + name + "; there are " + arrays.keySet());
    }
    return array;
  }

  /** A weight, or {@code none} where there is no such. */
  NDArray getOr(String name, NDArray none) {
    return arrays.getOrDefault(name, none);
  }

  /** All of them by name, in that order; they stay ours. */
  public Map<String, NDArray> arrays() {
    return Collections.unmodifiableMap(arrays);
  }

  public Dtype dtype() {
    return dtype;
  }

  public Device device() {
    return manager.getDevice();
  }

  /** Numbers in all weights together. */
  public long size() {
    return arrays.values().stream().mapToLong(NDArray::size).sum();
  }

  @Override
  public void close() {
    manager.close();
  }
}
