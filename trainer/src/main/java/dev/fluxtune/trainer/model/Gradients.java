package dev.fluxtune.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A buffer for the gradient of each trained weight, by name; backward passes add to them. Owns
 * native memory.
 */
public final class Gradients implements AutoCloseable {
  private final NDManager manager;
  private final Tensors tensors;
  private final NDArray none;
  private final Map<String, NDArray> buffers = new LinkedHashMap<>();

  private Gradients(NDManager manager, Tensors tensors) {
    this.manager = manager;
    this.tensors = tensors;
    this.none = manager.create(new Shape(0));
  }

  /**
   * Makes buffers of zeros beside the weights.
   *
   * @param names the trained weights, in their order
   * @param dtype the type that gradients are summed in
   */
  public static Gradients of(Weights weights, List<String> names, Dtype dtype) {
    return Modes.during(
        weights.device(),
        () -> {
          NDManager manager = NDManager.newBaseManager(weights.device(), "PyTorch");
          Gradients gradients = new Gradients(manager, new Tensors());
          try {
            for (String name : names) {
              NDArray zeros = gradients.tensors.zeros(manager, weights.get(name), dtype);
              gradients.buffers.put(name, zeros);
            }
            return gradients;
          } catch (RuntimeException | Error e) {
            gradients.close(); // memory may not suffice for all of them
            throw e;
          }
        });
  }

  public List<String> names() {
    return List.copyOf(buffers.keySet());
  }

  /** A weight's buffer, contiguous; it stays ours. */
  public NDArray get(String name) {
    NDArray buffer = buffers.get(name);
    if (buffer == null) {
      throw new IllegalArgumentException("no gradient of " + name);
    }
    return buffer;
  }

  /** A weight's buffer, or an array without elements if it is frozen. */
  NDArray orNone(String name) {
    return buffers.getOrDefault(name, none);
  }

  /** Sets all buffers to zero. */
  public void clear() {
    Modes.during(
        manager.getDevice(),
        () -> {
          tensors.clear(List.copyOf(buffers.values()));
          return this;
        });
  }

  @Override
  public void close() {
    tensors.close();
    manager.close();
  }
}
