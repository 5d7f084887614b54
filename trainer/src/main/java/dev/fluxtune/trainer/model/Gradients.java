package dev.fluxtune.trainer.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleSupplier;

/**
 * What the backward passes of a step add up: the gradient of each trained weight, by name, and the
 * loss. A buffer is there from the first pass that comes to its weight until {@link #clear}, so
 * that a step's first pass never has all of them and all activations in memory at once. Owns native
 * memory.
 */
public final class Gradients implements AutoCloseable {
  private final Weights weights;
  private final Set<String> names;
  private final Dtype dtype;
  private final NDManager manager;
  private final NDManager host;
  private final Tensors tensors = new Tensors();
  private final NDArray none;
  private final NDArray added;
  private final NDArray written;
  private final Map<String, NDArray> buffers = new LinkedHashMap<>();
  private final List<NDArray> losses = new ArrayList<>();

  /**
   * Buffers that are written together.
   *
   * @param buffers one for each name; without elements where its weight is frozen
   * @param beta what they hold counts so often: 0 where they were just made, else 1
   */
  record Part(List<NDArray> buffers, NDArray beta) {}

  /**
   * Without a buffer yet.
   *
   * @param names the trained weights, in their order
   * @param dtype the type that gradients are summed in
   */
  public Gradients(Weights weights, List<String> names, Dtype dtype) {
    this.weights = weights;
    this.names = new LinkedHashSet<>(names);
    this.dtype = dtype;
    this.manager = NDManager.newBaseManager(weights.device(), "PyTorch");
    this.host = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    this.none = manager.create(new Shape(0));
    this.written = host.create(0f);
    this.added = host.create(1f);
  }

  public List<String> names() {
    return List.copyOf(names);
  }

  /** Bytes of the buffers of some trained weights that are not there yet. */
  long toCome(List<String> some) {
    return some.stream()
        .filter(name -> !buffers.containsKey(name))
        .mapToLong(name -> dtype.bytes() * weights.get(name).size())
        .sum();
  }

  /** The buffers of some weights, those of one layer for example, to be written or added to. */
  Part part(List<String> some) {
    List<String> trained = some.stream().filter(names::contains).toList();
    List<String> missing = trained.stream().filter(name -> !buffers.containsKey(name)).toList();
    if (!missing.isEmpty() && missing.size() < trained.size()) {
      throw new IllegalStateException("not written with the others: " + missing);
    }
    if (!missing.isEmpty()) {
      NDList made = tensors.empty(manager, missing.stream().map(weights::get).toList(), dtype);
      for (int i = 0; i < made.size(); i++) {
        buffers.put(missing.get(i), made.get(i));
      }
    }
    return new Part(
        some.stream().map(name -> buffers.getOrDefault(name, none)).toList(),
        missing.isEmpty() ? added : written);
  }

  /** A weight's buffer, contiguous, zeros where no pass came to it; it stays ours. */
  public NDArray get(String name) {
    if (!names.contains(name)) {
      throw new IllegalArgumentException("no gradient of " + name);
    }
    return buffers.computeIfAbsent(name, it -> tensors.zeros(manager, weights.get(it), dtype));
  }

  /** Takes over the loss of a pass: a scalar, fp64. */
  void add(NDArray loss) {
    loss.attach(manager);
    losses.add(loss);
  }

  /** The loss of all passes, summed, to be asked for once: that waits for them. None is left. */
  public DoubleSupplier loss() {
    NDArray sum = losses.isEmpty() ? host.create(0.0) : tensors.arrivingSum(host, losses);
    losses.forEach(NDArray::close);
    losses.clear();
    return Gpu.arriving(manager.getDevice(), sum);
  }

  /** Frees it all; the next pass begins anew. */
  public void clear() {
    buffers.values().forEach(NDArray::close);
    buffers.clear();
    losses.forEach(NDArray::close);
    losses.clear();
  }

  @Override
  public void close() {
    tensors.close();
    host.close();
    manager.close();
  }
}
