package dev.fluxtune.app;

import dev.fluxtune.schemas.RunEvent;
import java.time.Duration;
import java.util.OptionalDouble;

/** How fast some steps on end were, and what they used. */
final class Pace {
  private long tokens;
  private Duration elapsed = Duration.ZERO;
  private Duration waited = Duration.ZERO;
  private Duration firstElapsed = Duration.ZERO;
  private Duration firstWaited = Duration.ZERO;
  private double used; // MFU times nanoseconds
  private long deviceBytes;

  void add(RunEvent.Step it) {
    if (elapsed.isZero()) {
      firstElapsed = it.elapsed();
      firstWaited = it.waited();
    }
    tokens += it.tokens();
    elapsed = elapsed.plus(it.elapsed());
    waited = waited.plus(it.waited());
    it.mfu().ifPresent(mfu -> used += mfu * it.elapsed().toNanos());
    deviceBytes = Math.max(deviceBytes, it.deviceBytes().orElse(0));
  }

  /** The time that they took; nothing between them counts. */
  Duration elapsed() {
    return elapsed;
  }

  /** Padding is not counted. */
  double tokensPerSecond() {
    return tokens / Math.max(1e-3, elapsed.toNanos() / 1e9);
  }

  /** Share of the time in which batches were not there yet, 0 to 1. */
  double waitedShare() {
    return (double) waited.toNanos() / Math.max(1, elapsed.toNanos());
  }

  /**
   * Whether, the first step aside, batches were not there for more than a hundredth of the time.
   */
  boolean starved() {
    return waited.minus(firstWaited).toNanos() * 100L > elapsed.minus(firstElapsed).toNanos();
  }

  /** Mean model FLOPs utilization; empty where it is not known. */
  OptionalDouble mfu() {
    return used == 0 ? OptionalDouble.empty() : OptionalDouble.of(used / elapsed.toNanos());
  }

  /** The most memory that was in use on the device, in GiB; empty on the CPU. */
  OptionalDouble deviceGib() {
    return deviceBytes == 0 ? OptionalDouble.empty() : OptionalDouble.of(gib(deviceBytes));
  }

  static double gib(long bytes) {
    return bytes / (double) (1 << 30);
  }
}
