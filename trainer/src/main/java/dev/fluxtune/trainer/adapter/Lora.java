package dev.fluxtune.trainer.adapter;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * The low-rank adapters of a model (Hu et al. 2021), as PEFT has them: beside a frozen product
 * {@code x Wᵀ} stands {@code scaling · dropout(x) Aᵀ Bᵀ}, A of shape (rank, in), B of (out, rank).
 *
 * @param modules what has an adapter, by its name in the model without {@code .weight}, in the
 *     order of the model
 * @param saved weights that are trained whole beside the adapters, in the order of the model
 */
public record Lora(Settings settings, List<String> modules, List<String> saved) {
  /** Weights of a layer that are no biases, norms included: each has a place for an adapter. */
  public static final int PLACES = 9;

  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";

  /**
   * What is asked for, by the names of PEFT's {@code LoraConfig}.
   *
   * @param dropout the share of an adapter's input that is dropped in training; below 1
   * @param rslora whether the scaling is alpha / √rank (Kalajdzievski 2023); else alpha / rank
   * @param modulesToSave ends of the names of modules that are trained whole
   */
  public record Settings(
      int rank,
      double alpha,
      double dropout,
      boolean rslora,
      Targets targets,
      List<String> modulesToSave) {
    public Settings {
      if (rank < 1 || dropout < 0 || dropout >= 1) {
        throw new IllegalArgumentException("rank %d, dropout %s".formatted(rank, dropout));
      }
      modulesToSave = List.copyOf(modulesToSave);
    }
  }

  public Lora {
    modules = List.copyOf(modules);
    saved = List.copyOf(saved);
  }

  /**
   * Finds the adapted and the saved modules of a model.
   *
   * @param shapes every weight of the model, in its order
   * @throws dev.fluxtune.schemas.BadInputException if a target or a module to save is not there, or
   *     can have no adapter
   */
  public static Lora of(Settings settings, Map<String, List<Long>> shapes) {
    Modules.of(shapes).checkThere(settings.targets());
    return ofSaved(settings, shapes);
  }

  /** The same for what PEFT saved, who passes over names that are not there. */
  static Lora ofSaved(Settings settings, Map<String, List<Long>> shapes) {
    Modules modules = Modules.of(shapes);
    List<String> saved = modules.saved(settings.modulesToSave());
    return new Lora(
        settings, modules.adapted(settings.targets(), settings.modulesToSave(), saved), saved);
  }

  /** What the adapters' products are multiplied with. */
  public double scaling() {
    return settings.alpha() / (settings.rslora() ? Math.sqrt(settings.rank()) : settings.rank());
  }

  /** The module of a weight, if it has an adapter. */
  public Optional<String> adapted(String weight) {
    return Optional.of(Modules.of(weight))
        .filter(module -> weight.endsWith(".weight") && modules.contains(module));
  }

  /** The name of a module's A. */
  public static String a(String module) {
    return module + A;
  }

  /** The name of a module's B. */
  public static String b(String module) {
    return module + B;
  }

  /** Whether this is the name of an A or a B. */
  public static boolean isAdapter(String name) {
    return isA(name) || name.endsWith(B);
  }

  /** Whether this is the name of an A. */
  public static boolean isA(String name) {
    return name.endsWith(A);
  }

  /**
   * What is trained, by name, with its shape: adapters and what is saved, in the order of the
   * model.
   *
   * @param base the weights of the model, in their order
   */
  public Map<String, List<Long>> shapes(Map<String, List<Long>> base) {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    base.forEach(
        (name, shape) -> {
          if (saved.contains(name)) {
            shapes.put(name, shape);
          }
          long rank = settings.rank();
          adapted(name)
              .ifPresent(
                  module -> {
                    shapes.put(a(module), List.of(rank, shape.get(1)));
                    shapes.put(b(module), List.of(shape.get(0), rank));
                  });
        });
    return shapes;
  }

  /**
   * The seeds of a layer's dropout masks, one for each of its places: nothing but these numbers
   * decides them, so that a run that goes on draws what it would have drawn.
   *
   * @param microBatch the number of the micro-batch in the run
   */
  public static long[] maskSeeds(long seed, long microBatch, int layer) {
    long ofBatch = new SplittableRandom(mixed(seed) + microBatch).nextLong();
    return new SplittableRandom(ofBatch + layer).longs(PLACES).toArray();
  }

  private static long mixed(long seed) {
    return new SplittableRandom(seed).nextLong();
  }
}
