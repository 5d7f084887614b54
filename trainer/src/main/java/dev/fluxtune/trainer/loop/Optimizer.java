package dev.fluxtune.trainer.loop;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Gpu;
import dev.fluxtune.trainer.model.Gradients;
import dev.fluxtune.trainer.model.Modes;
import dev.fluxtune.trainer.model.TorchScript;
import dev.fluxtune.trainer.model.Weights;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.DoubleSupplier;

/**
 * AdamW with clipping by the global norm: moves the trained weights in place. Owns native memory
 * (the weights are the caller's, masters are ours); one thread at a time.
 *
 * <p>Norms and biases do not decay, as in transformers' {@code Trainer}.
 */
public final class Optimizer implements AutoCloseable {
  private final NDManager manager;
  private final NDManager host;
  private final TorchScript ops;
  private final Settings settings;
  private final Dtype dtype;
  private final Optional<Weights> masters;
  private final List<String> names;
  private final List<Group> groups = new ArrayList<>();
  private final List<NDArray> working;
  private final Map<String, NDArray> state = new LinkedHashMap<>();

  /**
   * How weights move.
   *
   * @param maxGradNorm the norm that gradients are scaled down to; 0: they stay as they are
   */
  public record Settings(
      double beta1, double beta2, double epsilon, double weightDecay, double maxGradNorm) {
    /** The defaults of transformers. */
    public static final Settings DEFAULTS = new Settings(0.9, 0.999, 1e-8, 0, 1);

    public static Settings of(RunConfig.Training training) {
      return new Settings(
          training.adamBeta1(),
          training.adamBeta2(),
          training.adamEpsilon(),
          training.weightDecay(),
          training.maxGradNorm());
    }
  }

  /** Weights that decay alike. */
  private record Group(
      double decay, List<String> names, List<NDArray> weights, List<NDArray> m, List<NDArray> v) {}

  /**
   * Moves the weights themselves; gradients and moments are of their type.
   *
   * @param trained the names of those that move, in their order
   */
  public static Optimizer of(Weights weights, List<String> trained, Settings settings) {
    return Modes.during(
        weights.device(), () -> new Optimizer(weights, trained, Optional.empty(), settings));
  }

  /**
   * Moves masters in single precision and rounds them into the weights that the model multiplies
   * with.
   *
   * @param masters the trained weights and no others, in their order; closed with the optimizer,
   *     and where it cannot be made
   */
  public static Optimizer withMasters(Weights weights, Weights masters, Settings settings) {
    return Modes.during(
        weights.device(),
        () -> new Optimizer(weights, masters.names(), Optional.of(masters), settings));
  }

  private Optimizer(
      Weights weights, List<String> trained, Optional<Weights> masters, Settings settings) {
    if (trained.isEmpty()) {
      throw new IllegalArgumentException("an optimizer needs at least one weight");
    }
    this.settings = settings;
    this.masters = masters;
    this.names = List.copyOf(trained);
    this.manager = NDManager.newBaseManager(weights.device(), "PyTorch");
    this.host = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    this.ops =
        TorchScript.load(
            host,
            Optimizer.class,
            List.of("optimizer.py"),
            Map.of(
                "beta1", Double.toString(settings.beta1()),
                "beta2", Double.toString(settings.beta2()),
                "epsilon", Double.toString(settings.epsilon())));
    Weights moved = masters.orElse(weights);
    this.dtype = moved.dtype();
    try {
      this.working = masters.isPresent() ? names.stream().map(weights::get).toList() : List.of();
      fill(moved);
    } catch (RuntimeException | Error e) {
      close(); // memory may not suffice for the moments
      throw e;
    }
  }

  private void fill(Weights moved) {
    for (String moment : List.of("exp_avg.", "exp_avg_sq.")) {
      names.forEach(name -> state.put(moment + name, zerosLike(moved.get(name))));
    }
    masters.ifPresent(all -> names.forEach(name -> state.put("master." + name, all.get(name))));
    for (boolean decays : new boolean[] {true, false}) {
      List<String> some = names.stream().filter(name -> decays(name) == decays).toList();
      if (!some.isEmpty()) {
        groups.add(
            new Group(
                decays ? settings.weightDecay() : 0,
                some,
                some.stream().map(moved::get).toList(),
                state("exp_avg.", some),
                state("exp_avg_sq.", some)));
      }
    }
  }

  /** {@code get_decay_parameter_names} of transformers' trainer.py, for the names that we know. */
  private static boolean decays(String name) {
    return !name.endsWith(".bias") && !name.contains("norm");
  }

  private NDArray zerosLike(NDArray weight) {
    return ops.call(manager, "zeros_like", weight).get(0);
  }

  private List<NDArray> state(String prefix, List<String> some) {
    List<NDArray> arrays = new ArrayList<>();
    for (String name : some) {
      NDArray array = state.get(prefix + name);
      if (array == null) {
        throw new IllegalStateException("no " + prefix + name);
      }
      arrays.add(array);
    }
    return List.copyOf(arrays);
  }

  /**
   * Moves the weights once; on a GPU it is under way when this returns. What the gradients hold
   * afterwards is of no use.
   *
   * @param step the number of this step, from 1: what AdamW corrects its young moments by
   * @return the norm of the gradients before they were clipped, to be asked for once: that waits
   */
  public DoubleSupplier step(Gradients gradients, long step, double learningRate) {
    return Modes.during(
        manager.getDevice(),
        () -> {
          try (NDManager device = manager.newSubManager();
              NDManager cpu = host.newSubManager()) {
            List<NDArray> all = names.stream().map(gradients::get).toList();
            NDList norm = ops.call(device, "norm", all, cpu.create(settings.maxGradNorm()));
            for (Group group : groups) {
              ops.call(
                  device,
                  "adamw",
                  group.weights(),
                  group.names().stream().map(gradients::get).toList(),
                  group.m(),
                  group.v(),
                  cpu.create((float) step),
                  norm.get(1),
                  cpu.create(learningRate),
                  cpu.create(group.decay()));
            }
            masters.ifPresent(it -> ops.call(device, "copy", working, arrays(it)));
            NDArray unclipped = norm.get(0);
            unclipped.attach(host);
            return Gpu.arriving(manager.getDevice(), unclipped);
          }
        });
  }

  /** Rounds the masters, where there are any, into the weights: after they were copied into. */
  public void roundMasters() {
    masters.ifPresent(
        all ->
            Modes.during(
                manager.getDevice(),
                () -> {
                  try (NDManager device = manager.newSubManager()) {
                    return ops.call(device, "copy", working, arrays(all));
                  }
                }));
  }

  private List<NDArray> arrays(Weights all) {
    return names.stream().map(all::get).toList();
  }

  /** The type of the moments, and that which gradients must have. */
  public Dtype dtype() {
    return dtype;
  }

  /** The device that holds it all. */
  public Device device() {
    return manager.getDevice();
  }

  /**
   * What a checkpoint keeps beside the weights, in a fixed order: {@code exp_avg.NAME} of each
   * weight, {@code exp_avg_sq.NAME} of each and, where there are masters, {@code master.NAME} of
   * each. The arrays stay ours; copying into them restores. How many updates they have seen, the
   * caller knows.
   */
  public Map<String, NDArray> state() {
    return Collections.unmodifiableMap(state);
  }

  @Override
  public void close() {
    ops.close();
    host.close();
    manager.close();
    masters.ifPresent(Weights::close);
  }
}
