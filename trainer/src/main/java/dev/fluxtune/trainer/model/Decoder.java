package dev.fluxtune.trainer.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.fluxtune.schemas.BadInputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A model that goes on from some prompts, all at once, a token at a time; keys and values of what
 * lies behind are kept. Owns native memory (the weights are the caller's); one thread at a time.
 */
public final class Decoder implements AutoCloseable {
  private final ModelConfig config;
  private final Weights weights;
  private final NDManager manager;
  private final NDManager host;
  private final TorchScript ops;
  private final NDArray frequencies;
  private final List<List<NDArray>> layers;
  private final List<List<NDArray>> caches = new ArrayList<>();
  private final int[][] prompts;
  private final int capacity;
  private final int[] lengths; // tokens that lie behind, of each row
  private boolean started;

  /**
   * Makes room.
   *
   * @param prompts at least one, each of at least one token
   * @param more how many tokens may follow each
   */
  public Decoder(ModelConfig config, Weights weights, List<int[]> prompts, int more) {
    Llama.checkPrecision(weights);
    check(config, prompts);
    this.config = config;
    this.weights = weights;
    this.prompts = prompts.toArray(int[][]::new);
    this.lengths = prompts.stream().mapToInt(prompt -> prompt.length).toArray();
    this.capacity = Math.addExact(longest(), more);
    config.checkLength(capacity);
    this.manager = NDManager.newBaseManager(weights.device(), "PyTorch");
    this.host = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    this.layers =
        LlamaScript.layers(
            LlamaScript.layerNames(config, weights), weights, manager.create(new Shape(0)));
    this.ops = LlamaScript.load(host, config, weights);
    this.frequencies = manager.create(config.frequencies());
  }

  private static void check(ModelConfig config, List<int[]> prompts) {
    for (int i = 0; i < prompts.size(); i++) {
      if (prompts.get(i).length == 0) {
        throw new BadInputException("prompt " + (i + 1) + " is empty: give it at least one token");
      }
      Arrays.stream(prompts.get(i)).forEach(config::checkId);
    }
  }

  /**
   * Reads the prompts.
   *
   * @return the logits of the token that follows each: (rows, vocabulary), row-major
   */
  public float[] start() {
    if (started) {
      throw new IllegalStateException("the prompts were read before");
    }
    started = true;
    return Modes.during(
        weights.device(),
        () -> {
          try (NDManager device = manager.newSubManager();
              NDManager cpu = host.newSubManager()) {
            return readPrompts(device, cpu);
          }
        });
  }

  private float[] readPrompts(NDManager device, NDManager cpu) {
    int[] ids = Arrays.stream(prompts).flatMapToInt(Arrays::stream).toArray();
    int[] positions = new int[ids.length];
    long[] places = new long[ids.length];
    int token = 0;
    for (int row = 0; row < lengths.length; row++) {
      for (int i = 0; i < lengths[row]; i++) {
        positions[token] = i;
        places[token++] = (long) row * capacity + i;
      }
    }
    MicroBatch micro = new MicroBatch(ids, lengths, positions, new long[0], new long[0]);
    NDList documents =
        documents(device, positions, device.create(micro.bounds()), micro.longestAndLengths(), cpu);
    NDArray at = device.create(places);
    NDArray room = cpu.create((long) lengths.length * capacity);
    NDArray x = embed(device, ids);
    for (List<NDArray> layer : layers) {
      NDList cache = ops.call(manager, "cache", room, weights.get(ModelConfig.EMBEDDING));
      caches.add(cache);
      x = replaced(x, ops.call(device, "layer_prompts", x, documents, at, layer, cache));
    }
    long[] last = Arrays.stream(micro.bounds()).skip(1).mapToLong(end -> end - 1L).toArray();
    return logits(device, x, last);
  }

  /**
   * Appends a token to each row.
   *
   * @param goesOn which rows; the others stay as they are, their logits mean nothing
   * @return the logits of the token that follows, as {@link #start}
   */
  public float[] next(int[] ids, boolean[] goesOn) {
    int[] positions = new int[ids.length];
    for (int row = 0; row < ids.length; row++) {
      config.checkId(ids[row]);
      lengths[row] += goesOn[row] ? 1 : 0;
      if (lengths[row] > capacity) {
        throw new IllegalStateException("row " + row + " is full");
      }
      positions[row] = lengths[row] - 1;
    }
    return Modes.during(
        weights.device(),
        () -> {
          try (NDManager device = manager.newSubManager();
              NDManager cpu = host.newSubManager()) {
            return append(ids, positions, device, cpu);
          }
        });
  }

  private float[] append(int[] ids, int[] positions, NDManager device, NDManager cpu) {
    long[] rows = IntStream.range(0, ids.length).asLongStream().toArray();
    NDList documents = documents(device, positions, device.create(new int[1]), new int[1], cpu);
    NDArray at =
        device.create(Arrays.stream(rows).map(r -> r * capacity + positions[(int) r]).toArray());
    NDArray behind = device.create(positions);
    NDArray longest = cpu.create(longest());
    NDArray x = embed(device, ids);
    for (int i = 0; i < layers.size(); i++) {
      List<NDArray> w = layers.get(i);
      List<NDArray> cache = caches.get(i);
      NDList next = ops.call(device, "layer_next", x, documents, at, behind, longest, w, cache);
      x = replaced(x, next);
    }
    return logits(device, x, rows);
  }

  private NDList documents(
      NDManager device, int[] positions, NDArray bounds, int[] lengths, NDManager cpu) {
    return ops.call(
        device,
        "documents",
        device.create(positions),
        frequencies,
        bounds,
        cpu.create(lengths),
        weights.get(ModelConfig.EMBEDDING));
  }

  private NDArray embed(NDManager device, int[] ids) {
    return ops.call(device, "embed", device.create(ids), weights.get(ModelConfig.EMBEDDING)).get(0);
  }

  private static NDArray replaced(NDArray x, NDList next) {
    x.close();
    return next.get(0);
  }

  private float[] logits(NDManager device, NDArray x, long[] at) {
    List<NDArray> head = List.of(weights.get(ModelConfig.NORM), weights.get(config.headName()));
    return ops.call(device, "logits_at", x, device.create(at), head).get(0).toFloatArray();
  }

  private int longest() {
    return Arrays.stream(lengths).max().orElseThrow();
  }

  @Override
  public void close() {
    ops.close();
    host.close();
    manager.close();
  }
}
