package dev.fluxtune.app;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.RunConfig;

/** Keys that are known and whose work is not there yet: refused, never passed over. */
final class Unsupported {
  private Unsupported() {}

  static void check(RunConfig config) {
    refuse(
        config.adapter().loadIn4bit() || config.adapter().loadIn8bit(),
        "load_in_4bit, load_in_8bit: the base cannot be quantized yet; leave them out, use_peft"
            + " trains adapters on a base in bfloat16");
    refuse(
        config.training().autoFindBatchSize(),
        "auto_find_batch_size: not there yet; set per_device_train_batch_size");
    refuse(
        !config.output().reportTo().isEmpty(),
        "report_to: nothing is written there yet; leave it out, trainer_state.json of each"
            + " checkpoint holds the log");
    String metric = config.output().metricForBestModel().orElse("eval_loss");
    refuse(
        !metric.equals("eval_loss") && !metric.equals("loss"),
        "metric_for_best_model: only eval_loss is measured (got " + metric + "); leave it out");
    refuse(
        config.output().greaterIsBetter().orElse(false),
        "greater_is_better: a loss is best where it is least; leave it out");
  }

  private static void refuse(boolean is, String message) {
    if (is) {
      throw new BadInputException(message);
    }
  }
}
