package dev.fluxtune.trainer.loop;

import dev.fluxtune.schemas.RunConfig.When;
import dev.fluxtune.schemas.StepPlan;

/**
 * After which steps something is done: as transformers' {@code DefaultFlowCallback} decides, always
 * after the last one too.
 *
 * @param steps the distance, where it goes by steps; below 1, a share of all steps
 */
public record Every(When when, double steps) {
  public static final Every NEVER = new Every(When.NO, 0);
  public static final Every EPOCH = new Every(When.EPOCH, 0);

  public Every {
    if (when == When.STEPS && !(steps > 0)) {
      throw new IllegalArgumentException(
          "a distance in steps must be positive (got " + steps + ")");
    }
  }

  public static Every steps(double steps) {
    return new Every(When.STEPS, steps);
  }

  boolean due(long step, StepPlan plan) {
    return switch (when) {
      case NO -> false;
      case STEPS -> step % distance(plan) == 0 || step == plan.totalSteps();
      case EPOCH -> step % plan.stepsPerEpoch() == 0 || step == plan.totalSteps();
    };
  }

  private long distance(StepPlan plan) {
    return steps < 1 ? (long) Math.ceil(plan.totalSteps() * steps) : (long) steps;
  }
}
