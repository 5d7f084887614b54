package dev.fluxtune.trainer.loop;

import dev.fluxtune.schemas.RunEvent;
import java.io.IOException;
import java.nio.file.Path;

/** Writes a checkpoint. */
@FunctionalInterface
public interface Saver {
  /**
   * Called between two steps, on the thread that trains; every event before has been told.
   *
   * @param last the step after which it is written
   * @return where it stands, whole
   */
  Path save(RunEvent.Step last) throws IOException;
}
