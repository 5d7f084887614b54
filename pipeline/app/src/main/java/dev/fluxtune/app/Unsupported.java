package dev.fluxtune.app;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.RunConfig;

/** Keys that are known and whose work is not there yet: refused, never passed over. */
final class Unsupported {
  private Unsupported() {}

  static void check(RunConfig config) {
    refuse(
        config.adapter().usePeft(),
        "use_peft: adapters cannot be trained yet; train all weights, or unfrozen_layers: 8");
    refuse(
        config.training().autoFindBatchSize(),
        "auto_find_batch_size: not there yet; set per_device_train_batch_size");
    refuse(
        !config.output().reportTo().isEmpty(),
        "report_to: nothing is written there yet; leave it out, trainer_state.json of each"
            + " checkpoint holds the log");
  }

  private static void refuse(boolean is, String message) {
    if (is) {
      throw new BadInputException(message);
    }
  }
}
