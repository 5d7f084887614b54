package dev.fluxtune.app;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.RunConfig;

/** Keys that are known and whose work is not there yet: refused, never passed over. */
final class Unsupported {
  private Unsupported() {}

  static void check(RunConfig config) {
    refuse(
        config.output().reportTo().contains("page"),
        "report_to: page is not there yet; tensorboard and wandb are, and log.jsonl in the run's"
            + " folder is always written");
  }

  private static void refuse(boolean is, String message) {
    if (is) {
      throw new BadInputException(message);
    }
  }
}
