package dev.fluxtune.app.watch;

import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.Closeable;
import java.io.IOException;

/** Takes what it wants of what a run tells, always on the same thread; steps do not go back. */
public interface Observer extends Closeable {
  /** What {@code report_to} calls it. */
  String name();

  /** What happened: each step, evaluation and checkpoint. */
  default void happened(RunEvent event) throws IOException {}

  /** That the run failed, and why; nothing more happens. */
  default void failed(String why) throws IOException {}

  /** What was logged, at the steps that the configuration says and at evaluations. */
  default void logged(TrainerState.Log log) throws IOException {}

  /** What the model wrote after held-out prompts: before the first step, and at evaluations. */
  default void sampled(Sampled samples) throws IOException {}
}
