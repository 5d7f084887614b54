package dev.fluxtune.trainer.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.adapter.AdapterFolder;
import dev.fluxtune.trainer.adapter.Lora;
import dev.fluxtune.trainer.checkpoint.SafeTensors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * A model's weights by their Hugging Face names, on one device, in one type; those of the layers'
 * products may be quantized. Owns native memory.
 */
public final class Weights implements AutoCloseable {
  private final NDManager manager;
  private final Dtype dtype;
  private final Map<String, NDArray> arrays = new LinkedHashMap<>();
  private final Map<String, Scales> quantized = new LinkedHashMap<>();
  private List<NDArray> tables = List.of(); // what the codes of all quantized ones stand for
  private Optional<Lora> lora = Optional.empty();

  /**
   * What else there is of a quantized weight.
   *
   * @param arrays what scales its codes, then what scales that
   * @param numbers how many its codes stand for
   */
  private record Scales(List<NDArray> arrays, long numbers) {}

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
    return read(folder, config, names, device, dtype, Quantizer.NONE);
  }

  /** The same, some of them quantized. */
  public static Weights read(
      Path folder,
      ModelConfig config,
      Collection<String> names,
      Device device,
      Dtype dtype,
      Quantizer quantizer) {
    WeightFiles files = WeightFiles.find(folder, config);
    Set<String> wanted = Set.copyOf(names);
    return new Weights(device, dtype)
        .filled(
            (weights, tensors) -> {
              files.forEach(
                  (name, file) -> {
                    if (wanted.contains(name)) {
                      weights.read(name, file, tensors, quantizer);
                    }
                  });
              weights.tables = List.copyOf(quantizer.tables(weights.manager));
            });
  }

  private void read(String name, SafeTensors file, Tensors tensors, Quantizer quantizer) {
    SafeTensors.Tensor tensor = WeightFiles.tensor(file, name);
    put(
        name,
        tensor.shape(),
        quantizer.takes(name)
            ? quantizer.quantize(
                manager,
                name + " in " + file.file(),
                tensor.shape(),
                (owner, at, count) -> tensors.read(owner, file, tensor, at, count, Dtype.FLOAT32))
            : new NDList(tensors.read(manager, file, tensor, dtype)));
  }

  /** A weight, and what scales it if it is codes. */
  private void put(String name, List<Long> shape, NDList parts) {
    arrays.put(name, parts.get(0));
    if (parts.size() > 1) {
      long numbers = shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
      quantized.put(name, new Scales(List.copyOf(parts.subList(1, parts.size())), numbers));
    }
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
    return random(config, names, seed, device, dtype, Quantizer.NONE);
  }

  /** The same, some of them quantized. */
  public static Weights random(
      ModelConfig config,
      Collection<String> names,
      long seed,
      Device device,
      Dtype dtype,
      Quantizer quantizer) {
    Set<String> wanted = Set.copyOf(names);
    return new Weights(device, dtype)
        .filled(
            (weights, tensors) -> {
              weights.draw(config, wanted, seed, tensors, quantizer);
              weights.tables = List.copyOf(quantizer.tables(weights.manager));
            });
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

  private void draw(
      ModelConfig config, Set<String> wanted, long seed, Tensors tensors, Quantizer quantizer) {
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
                    put(
                        name,
                        sizes,
                        quantizer.takes(name)
                            ? quantizer.quantize(manager, name, sizes, parts(drawn, tensors))
                            : new NDList(tensors.converted(manager, drawn, dtype)));
                  }
                }
              });
    }
  }

  private static Quantizer.Numbers parts(NDArray whole, Tensors tensors) {
    return (owner, at, count) -> {
      try (NDArray flat = whole.reshape(-1);
          NDArray part = flat.get(at + ":" + (at + count))) {
        return tensors.converted(owner, part, Dtype.FLOAT32);
      }
    };
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
            // Not a drawn model's, which would begin with the same numbers; ~seed hashes as seed.
            host.getEngine().setRandomSeed(~Long.hashCode(seed));
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
            Scales ofCodes = quantized.remove(name);
            if (ofCodes != null) {
              ofCodes.arrays().forEach(NDArray::close);
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

  /** A weight, or the codes of a quantized one; it stays ours. */
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

  boolean isQuantized(String name) {
    return quantized.containsKey(name);
  }

  /** Whether any is. */
  boolean quantized() {
    return !quantized.isEmpty();
  }

  /**
   * What scales the quantized ones among some weights, as llama.py takes it; empty where no weight
   * is quantized.
   *
   * @param none what stands where there is nothing
   */
  List<NDArray> scales(List<String> names, NDArray none) {
    List<NDArray> all = new ArrayList<>();
    if (quantized()) {
      for (int depth = 0; depth < 2; depth++) {
        for (String name : names) {
          Scales scales = quantized.get(name);
          all.add(scales == null ? none : orNone(scales.arrays(), depth, none));
        }
      }
      all.add(orNone(tables, 0, none));
      all.add(orNone(tables, 1, none));
    }
    return all;
  }

  private static NDArray orNone(List<NDArray> some, int i, NDArray none) {
    return i < some.size() ? some.get(i) : none;
  }

  public Dtype dtype() {
    return dtype;
  }

  public Device device() {
    return manager.getDevice();
  }

  /** Numbers in all weights together. */
  public long size() {
    long codes = quantized.keySet().stream().mapToLong(name -> get(name).size()).sum();
    long numbers = quantized.values().stream().mapToLong(Scales::numbers).sum();
    return arrays.values().stream().mapToLong(NDArray::size).sum() - codes + numbers;
  }

  @Override
  public void close() {
    manager.close();
  }
}
