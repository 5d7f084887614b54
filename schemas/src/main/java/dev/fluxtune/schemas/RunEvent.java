package dev.fluxtune.schemas;

import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/** What happened in a run, in its order: the trainer's answer to its batches. */
public sealed interface RunEvent {
  /** The step in or after which it happened, from 1; 0 before the first. */
  long step();

  /**
   * A step was made.
   *
   * @param epoch epochs seen by its end, fractions too
   * @param loss mean cross-entropy of its trained tokens, in nats; empty where it had none, and
   *     then no weight was moved
   * @param gradNorm the norm of the gradients before clipping; empty as {@code loss}
   * @param learningRate the rate that it used
   * @param tokens tokens that went through the model, padding not counted
   * @param trainedTokens targets among them
   * @param elapsed from asking for its first batch, or where it began before the last step ended
   *     from that end, to the last weight moved
   * @param waited the part of {@code elapsed} in which batches were not yet there
   * @param mfu model FLOPs utilization: the operations that the step takes at least, by what the
   *     device can do at most in {@code elapsed}; empty on the CPU and on a card that is not known
   * @param deviceBytes memory in use on the device; empty on the CPU
   */
  record Step(
      long step,
      double epoch,
      OptionalDouble loss,
      OptionalDouble gradNorm,
      double learningRate,
      long tokens,
      long trainedTokens,
      Duration elapsed,
      Duration waited,
      OptionalDouble mfu,
      OptionalLong deviceBytes)
      implements RunEvent {}

  /**
   * The model was tried on rows that it is not trained on.
   *
   * @param epoch epochs seen so far
   * @param loss mean cross-entropy of their trained tokens, in nats
   * @param accuracy share of them that were the most probable token
   * @param entropy mean entropy of the distributions that they were predicted from, in nats
   * @param trainedTokens how many there were
   * @param chunks that held them
   * @param microBatches that the chunks came in
   */
  record Evaluation(
      long step,
      double epoch,
      double loss,
      double accuracy,
      double entropy,
      long trainedTokens,
      long chunks,
      long microBatches,
      Duration elapsed)
      implements RunEvent {}

  /**
   * A checkpoint was written.
   *
   * @param folder where it stands, whole
   */
  record Saved(long step, double epoch, Path folder, Duration elapsed) implements RunEvent {}

  /**
   * The device's memory did not suffice for a step; it is made again, with fewer chunks at a time
   * and the same effective batch.
   *
   * @param step the one that is made again
   * @param chunks that go through the model at once from now on, at most
   */
  record OutOfMemory(long step, int chunks) implements RunEvent {}

  /**
   * The run is over; nothing follows.
   *
   * @param step its last step
   * @param stopped whether it was asked to stop before the plan's last step
   */
  record End(long step, boolean stopped) implements RunEvent {}
}
