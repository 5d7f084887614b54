package dev.fluxtune.app.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;

/**
 * One step, or neighbouring steps taken together: sums, from which means are told.
 *
 * @param step the last of them
 * @param losses how many of them have a loss; {@code loss} and {@code gradNorm} sum theirs
 * @param waited seconds of {@code seconds} in which batches were not yet there
 * @param used MFU times seconds
 * @param hostBytes the most memory of the process; 0 where it was not looked at
 * @param deviceBytes the most memory in use on the device; 0 on the CPU
 */
record Point(
    long step,
    double epoch,
    int losses,
    double loss,
    double gradNorm,
    double learningRate,
    double tokens,
    double seconds,
    double waited,
    double used,
    double hostBytes,
    double deviceBytes) {
  private static final double GIB = 1 << 30;

  static Point of(RunEvent.Step it, long hostBytes) {
    double seconds = it.elapsed().toNanos() / 1e9;
    return new Point(
        it.step(),
        it.epoch(),
        it.loss().isPresent() ? 1 : 0,
        it.loss().orElse(0),
        it.gradNorm().orElse(0),
        it.learningRate(),
        it.tokens(),
        seconds,
        it.waited().toNanos() / 1e9,
        it.mfu().orElse(0) * seconds,
        hostBytes,
        it.deviceBytes().orElse(0));
  }

  /** What a log tells of the steps since the one before; speed counts as that of a second. */
  static Point of(TrainerState.Log log) {
    return new Point(
        log.step(),
        log.epoch(),
        log.values().containsKey("loss") ? 1 : 0,
        log.values().getOrDefault("loss", 0.0),
        log.values().getOrDefault("grad_norm", Double.NaN),
        log.values().getOrDefault("learning_rate", Double.NaN),
        log.values().getOrDefault("tokens_per_second", 0.0),
        log.values().containsKey("tokens_per_second") ? 1 : 0,
        log.values().getOrDefault("data_wait", Double.NaN),
        log.values().getOrDefault("mfu", 0.0),
        0,
        log.values().getOrDefault("device_memory_gib", 0.0) * GIB);
  }

  Point plus(Point later) {
    return new Point(
        later.step,
        later.epoch,
        losses + later.losses,
        loss + later.loss,
        gradNorm + later.gradNorm,
        later.learningRate,
        tokens + later.tokens,
        seconds + later.seconds,
        waited + later.waited,
        used + later.used,
        Math.max(hostBytes, later.hostBytes),
        Math.max(deviceBytes, later.deviceBytes));
  }

  /** As page.js reads it; what is not known, or no number, is null. */
  ArrayNode json(ArrayNode to) {
    to.add(step);
    number(to, epoch);
    number(to, loss / losses);
    number(to, gradNorm / losses);
    number(to, learningRate);
    number(to, tokens / seconds);
    number(to, waited / seconds);
    number(to, used == 0 ? Double.NaN : used / seconds);
    number(to, hostBytes == 0 ? Double.NaN : hostBytes / GIB);
    number(to, deviceBytes == 0 ? Double.NaN : deviceBytes / GIB);
    return to;
  }

  private static void number(ArrayNode to, double value) {
    if (Double.isFinite(value)) {
      to.add((float) value); // seven digits are more than a screen shows
    } else {
      to.addNull();
    }
  }
}
