package dev.fluxtune.app.watch;

import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.Closeable;
import java.io.IOException;

/** Takes what a run logs, always on the same thread. */
interface Observer extends Closeable {
  /** What {@code report_to} calls it. */
  String name();

  /** What was logged at a step; steps do not go back. */
  void accept(TrainerState.Log log) throws IOException;
}
