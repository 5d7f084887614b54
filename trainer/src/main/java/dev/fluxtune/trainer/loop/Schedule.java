package dev.fluxtune.trainer.loop;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.RunConfig.Scheduler;
import dev.fluxtune.schemas.StepPlan;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * The learning rate of each step: the formulas of transformers' optimization.py.
 *
 * @param highest the rate after warm-up
 * @param warmup steps in which it rises from 0
 * @param total steps of the run
 * @param arguments {@code lr_scheduler_kwargs}
 */
public record Schedule(
    Scheduler type, double highest, long warmup, long total, Map<String, Double> arguments) {

  private static final String CYCLES = "num_cycles";
  private static final String MIN_LR = "min_lr";
  private static final String MIN_LR_RATE = "min_lr_rate";

  public Schedule {
    Set<String> unknown = new TreeSet<>(arguments.keySet());
    unknown.removeAll(arguments(type));
    if (!unknown.isEmpty()) {
      throw new BadInputException(
          "lr_scheduler_kwargs holds %s; the schedule %s takes %s"
              .formatted(
                  String.join(", ", unknown),
                  type.name().toLowerCase(Locale.ROOT),
                  arguments(type).isEmpty() ? "none" : String.join(", ", arguments(type))));
    }
    if (type == Scheduler.COSINE_WITH_MIN_LR
        && arguments.containsKey(MIN_LR) == arguments.containsKey(MIN_LR_RATE)) {
      throw new BadInputException(
          "lr_scheduler_type: cosine_with_min_lr needs where to end: set one of min_lr (a rate) and"
              + " min_lr_rate (its share of learning_rate) in lr_scheduler_kwargs");
    }
    arguments = Map.copyOf(arguments);
  }

  public static Schedule of(RunConfig.Training training, StepPlan plan) {
    return new Schedule(
        training.lrSchedulerType(),
        training.learningRate(),
        plan.warmupSteps(),
        plan.totalSteps(),
        training.lrSchedulerKwargs());
  }

  /**
   * The rate of a step. The first step of a warm-up has rate 0.
   *
   * @param step from 1
   */
  public double learningRate(long step) {
    return highest * factor(step - 1);
  }

  /** Which arguments a schedule takes, in the order of their names. */
  public static SortedSet<String> arguments(Scheduler type) {
    return new TreeSet<>(
        switch (type) {
          case LINEAR, CONSTANT, CONSTANT_WITH_WARMUP -> Set.<String>of();
          case COSINE -> Set.of(CYCLES);
          case COSINE_WITH_MIN_LR -> Set.of(CYCLES, MIN_LR, MIN_LR_RATE);
        });
  }

  /** The share of the highest rate after {@code done} steps. */
  private double factor(long done) {
    if (type == Scheduler.CONSTANT) {
      return 1;
    }
    if (done < warmup) {
      return (double) done / warmup;
    }
    return switch (type) {
      case LINEAR -> Math.max(0, (double) (total - done) / Math.max(1, total - warmup));
      case COSINE -> cosine(done, 0);
      case COSINE_WITH_MIN_LR -> cosine(done, lowest());
      case CONSTANT, CONSTANT_WITH_WARMUP -> 1;
    };
  }

  private double cosine(long done, double lowest) {
    double progress = (double) (done - warmup) / Math.max(1, total - warmup);
    double cycles = arguments.getOrDefault(CYCLES, 0.5);
    double wave = 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * progress));
    return Math.max(0, wave * (1 - lowest) + lowest);
  }

  private double lowest() {
    Double rate = arguments.get(MIN_LR_RATE);
    return rate != null ? rate : arguments.getOrDefault(MIN_LR, 0.0) / highest;
  }
}
