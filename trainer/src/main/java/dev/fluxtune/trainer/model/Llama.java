package dev.fluxtune.trainer.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.trainer.adapter.Lora;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Function;
import java.util.function.LongToIntFunction;
import java.util.stream.IntStream;

/**
 * A model of the Llama family: loss, logits and gradients of a batch, layer by layer. Owns native
 * memory (the weights are the caller's); one thread at a time.
 */
public final class Llama implements AutoCloseable {
  private final ModelConfig config;
  private final Weights weights;
  private final Options options;
  private final Activations activations;
  private final int firstLayer;
  private final boolean trainsEmbedding;
  private final List<String> below; // trained weights under the top layer
  private final NDManager manager;
  private final NDManager host;
  private final TorchScript ops;
  private final NDArray frequencies;
  private final List<List<String>> names; // of each layer's weights, in the source's order
  private final List<List<NDArray>> layers;
  private final NDArray none;
  private final NDArray noSeeds;
  private final LongToIntFunction logitsAtOnce; // positions, of a micro-batch of so many tokens
  private final int singleAtOnce;

  /**
   * How the model is run.
   *
   * @param trained the weights that gradients are for
   * @param checkpointing whether a layer keeps its input only and is computed again for backward,
   *     but for those at the top where it costs no memory
   * @param acrossDocuments whether attention and positions run through a whole row ({@code
   *     packed_attention: chunk}); else each document is alone
   */
  public record Options(Trained trained, boolean checkpointing, boolean acrossDocuments) {}

  public Llama(ModelConfig config, Weights weights, Options options) {
    this(
        config,
        weights,
        options,
        new Activations(config, options.trained(), weights.dtype())::logitsAtOnce,
        Activations.singleAtOnce(config));
  }

  /** As the other, but for the positions whose logits are in memory together. */
  Llama(
      ModelConfig config,
      Weights weights,
      Options options,
      LongToIntFunction logitsAtOnce,
      int singleAtOnce) {
    checkPrecision(weights);
    checkTrained(weights, options.trained().names(config));
    this.logitsAtOnce = logitsAtOnce;
    this.singleAtOnce = singleAtOnce;
    this.config = config;
    this.weights = weights;
    this.options = options;
    this.firstLayer = options.trained().firstLayer(config);
    this.trainsEmbedding = options.trained().names(config).contains(ModelConfig.EMBEDDING);
    this.activations = new Activations(config, options.trained(), weights.dtype());
    this.below = Activations.below(config, options.trained());
    this.manager = NDManager.newBaseManager(weights.device(), "PyTorch");
    this.host = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    this.none = manager.create(new Shape(0));
    this.noSeeds = host.create(new long[0]);
    this.names = LlamaScript.layerNames(config, weights);
    this.layers = LlamaScript.layers(names, weights, none);
    this.ops = LlamaScript.load(host, config, weights);
    this.frequencies = manager.create(config.frequencies());
  }

  static void checkPrecision(Weights weights) {
    if (weights.device().isGpu() && weights.dtype() == Dtype.FLOAT32) {
      throw new BadInputException(
          "single precision is not supported on a GPU (its attention takes 16 bits): set bf16: true");
    }
  }

  private static void checkTrained(Weights weights, List<String> names) {
    for (String name : names) {
      if (weights.isQuantized(name)) {
        throw new BadInputException(
            name
                + " is quantized and cannot be trained: train adapters (use_peft: true, without it in"
                + " lora_modules_to_save), or leave load_in_4bit and load_in_8bit out");
      }
    }
  }

  /** For the gradients of what is trained. */
  public Gradients gradients(Dtype dtype) {
    return new Gradients(weights, options.trained().names(config), dtype);
  }

  /** As the other, of the first micro-batch of a run. */
  public void forwardBackward(Batch batch, double scale, Gradients into) {
    forwardBackward(batch, scale, into, 0);
  }

  /**
   * Runs a batch forward and backward; on a GPU it is under way when this returns.
   *
   * @param scale what the loss is multiplied with before it is differentiated: one over the trained
   *     tokens of the whole step
   * @param into where the gradients of (loss × scale) are added, and the loss: the cross-entropy of
   *     the trained targets, summed, not scaled
   * @param number that of the micro-batch in its run: what decides which numbers dropout drops
   */
  public void forwardBackward(Batch batch, double scale, Gradients into, long number) {
    MicroBatch micro = checked(batch);
    if (micro.at().length > 0) {
      during(
          micro,
          pass -> {
            pass.forwardBackward(scale, into, number);
            return into;
          });
    }
  }

  /**
   * The floating-point operations that {@link #forwardBackward} takes at least: what is masked and
   * what is computed again does not count.
   */
  public double flops(Batch batch) {
    return Flops.of(config, options.trained(), MicroBatch.of(batch, !options.acrossDocuments()));
  }

  /**
   * How well the model predicts, summed over the trained targets of a batch.
   *
   * @param loss their cross-entropy, in nats
   * @param hits how often the most probable token was the target
   * @param entropy of the distributions that they were predicted from, in nats
   */
  public record Scores(double loss, double hits, double entropy) {
    public static final Scores NONE = new Scores(0, 0, 0);

    public Scores plus(Scores other) {
      return new Scores(loss + other.loss, hits + other.hits, entropy + other.entropy);
    }
  }

  /** Predicts the trained targets of a batch; nothing is dropped out. */
  public Scores scores(Batch batch) {
    MicroBatch micro = checked(batch);
    if (micro.at().length == 0) {
      return Scores.NONE;
    }
    double[] sums =
        during(micro, pass -> pass.scores(pass.through(config.layers())).toDoubleArray());
    return new Scores(sums[0], sums[1], sums[2]);
  }

  /** The logits at every position, row-major, shape (size × length, vocabulary). */
  public float[] logits(Batch batch) {
    return during(
        checked(batch),
        pass -> pass.one("logits", pass.through(config.layers()), headWeights()).toFloatArray());
  }

  private <T> T during(MicroBatch micro, Function<Pass, T> work) {
    return Modes.during(
        weights.device(),
        () -> {
          try (Pass pass = new Pass(micro)) {
            return work.apply(pass);
          }
        });
  }

  private MicroBatch checked(Batch batch) {
    config.checkLength(batch.length());
    for (int id : batch.inputIds()) {
      config.checkId(id);
    }
    MicroBatch micro = MicroBatch.of(batch, !options.acrossDocuments());
    for (long target : micro.targets()) {
      config.checkId((int) target); // on a GPU one outside would end all work of the process
    }
    return micro;
  }

  private List<NDArray> headWeights() {
    return List.of(weights.get(ModelConfig.NORM), weights.get(config.headName()));
  }

  @Override
  public void close() {
    ops.close();
    host.close();
    manager.close();
  }

  /** One pass over one micro-batch, and all that it makes. */
  private final class Pass implements AutoCloseable {
    private final NDManager device = manager.newSubManager();
    private final NDManager cpu = host.newSubManager();
    private final NDArray ids;
    private final NDArray at;
    private final NDArray targets;
    private final List<NDArray> documents;

    Pass(MicroBatch micro) {
      try {
        NDArray like = weights.get(ModelConfig.EMBEDDING);
        NDList brought =
            call(
                "ahead",
                List.of(
                    cpu.create(micro.ids()),
                    cpu.create(micro.at()),
                    cpu.create(micro.targets()),
                    cpu.create(micro.positions()),
                    cpu.create(micro.bounds())),
                like);
        ids = brought.get(0);
        at = brought.get(1);
        targets = brought.get(2);
        documents =
            call(
                "documents",
                brought.get(3),
                frequencies,
                brought.get(4),
                cpu.create(micro.longestAndLengths()),
                like);
      } catch (RuntimeException | Error e) {
        close(); // memory may not suffice, and the run goes on with smaller ones
        throw e;
      }
    }

    void forwardBackward(double scale, Gradients into, long number) {
      List<NDArray> seeds = seeds(number);
      // Of each layer, from below, its input (checkpointing) or all that it keeps.
      Deque<NDList> kept = new ArrayDeque<>();
      int whole =
          options.checkpointing()
              ? activations.whole(ids.size(), into.toCome(below))
              : config.layers();
      NDArray x = forward(kept, seeds, whole);
      NDList result = head(x, scale, into);
      x.close();
      NDArray gx = result.get(1);
      for (int layer = config.layers() - 1; layer >= firstLayer; layer--) {
        gx = backward(layer, gx, kept.removeLast(), seeds.get(layer), into);
      }
      if (trainsEmbedding) {
        Gradients.Part g = into.part(List.of(ModelConfig.EMBEDDING));
        call("embed_backward", gx, ids, g.buffers().get(0), g.beta());
      }
      into.add(result.get(0));
    }

    /** Of each layer's masks of dropout; of all layers none where nothing is dropped. */
    private List<NDArray> seeds(long number) {
      return IntStream.range(0, config.layers())
          .mapToObj(
              layer ->
                  options.trained() instanceof Trained.Adapters it
                          && it.adapters().settings().dropout() > 0
                      ? cpu.create(Lora.maskSeeds(it.seed(), number, layer))
                      : noSeeds)
          .toList();
    }

    /** What comes out of the first {@code count} layers; nothing else stays. */
    NDArray through(int count) {
      NDArray x = one("embed", ids, weights.get(ModelConfig.EMBEDDING));
      for (int layer = 0; layer < count; layer++) {
        NDArray next = one("layer", x, documents, noSeeds, layers.get(layer));
        x.close();
        x = next;
      }
      return x;
    }

    /**
     * What goes into the head; what backward needs of the layers is put into {@code kept}: of the
     * upper {@code whole} all of it.
     */
    NDArray forward(Deque<NDList> kept, List<NDArray> seeds, int whole) {
      NDArray x = through(firstLayer);
      for (int layer = firstLayer; layer < config.layers(); layer++) {
        if (layer < config.layers() - whole) {
          kept.addLast(new NDList(x));
          x = one("layer", x, documents, seeds.get(layer), layers.get(layer));
        } else {
          NDList all = call("layer_keeping", x, documents, seeds.get(layer), layers.get(layer));
          x.close(); // kept again among the others
          x = all.remove(0);
          kept.addLast(all);
        }
      }
      return x;
    }

    NDList head(NDArray x, double scale, Gradients into) {
      Gradients.Part g = into.part(List.of(ModelConfig.NORM, config.headName()));
      int most = logitsAtOnce.applyAsInt(ids.size());
      int[] sizes = {Activations.evenly(Math.toIntExact(at.size()), most), singleAtOnce};
      return call(
          "head",
          x,
          at,
          targets,
          cpu.create((float) scale),
          cpu.create(sizes),
          headWeights(),
          g.buffers(),
          g.beta());
    }

    NDArray scores(NDArray x) {
      return one("scores", x, at, targets, cpu.create(singleAtOnce), headWeights());
    }

    /** The gradient of a layer's input; {@code gy} and what was kept are freed. */
    NDArray backward(int layer, NDArray gy, NDList kept, NDArray seeds, Gradients into) {
      List<NDArray> w = layers.get(layer);
      Gradients.Part g = into.part(names.get(layer));
      NDArray gx =
          kept.size() == 1
              ? one(
                  "layer_recomputing", gy, kept.get(0), documents, seeds, w, g.buffers(), g.beta())
              : one("layer_backward", gy, kept, documents, seeds, w, g.buffers(), g.beta());
      kept.close();
      gy.close();
      return gx;
    }

    NDArray one(String method, Object... arguments) {
      return call(method, arguments).get(0);
    }

    NDList call(String method, Object... arguments) {
      return ops.call(device, method, arguments);
    }

    @Override
    public void close() {
      device.close();
      cpu.close();
    }
  }
}
