package dev.fluxtune.schemas;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Where a run stands between two steps: with the weights and the optimizer's state, all that it
 * needs to go on as if it had never stopped.
 *
 * @param version the {@link CheckpointFormat#VERSION}
 * @param fingerprint SHA-256 of the settings, see {@link Manifest#fingerprint(ObjectNode)}
 * @param settings all that determines the weights; with others the run is another one
 * @param plan the steps of the whole run
 * @param seed of the weights, where they are drawn, and of the order of rows
 * @param dataSeed of the order of chunks
 * @param step updates that were made
 * @param epoch the epoch that the next batch belongs to, from 0
 * @param microBatches batches of that epoch that lie behind
 * @param position the row and token up to which documents were read in that epoch; the start where
 *     chunks come from shards, which are found by their number alone
 */
public record RunState(
    int version,
    String fingerprint,
    ObjectNode settings,
    StepPlan plan,
    long seed,
    long dataSeed,
    long step,
    long epoch,
    long microBatches,
    Position position) {

  public RunState {
    settings = settings.deepCopy();
    if (!fingerprint.equals(Manifest.fingerprint(settings))) {
      throw new IllegalArgumentException("the fingerprint is not that of settings");
    }
    if (step < 0 || epoch < 0 || microBatches < 0 || microBatches > plan.microBatchesPerEpoch()) {
      throw new IllegalArgumentException(
          "step %d, epoch %d and %d batches of %d are no place in a run"
              .formatted(step, epoch, microBatches, plan.microBatchesPerEpoch()));
    }
  }

  /** The text of the file. */
  public String toJson() {
    return JsonText.of(CheckpointFormat.NAME, this);
  }

  /**
   * Reads the text of the file.
   *
   * @param where names the file in messages
   * @throws BadInputException if it is not one or does not hold together
   */
  public static RunState fromJson(String text, String where) {
    ObjectNode fields =
        JsonText.fields(CheckpointFormat.NAME, text)
            .orElseThrow(() -> new BadInputException(where + " is no state of a run of ours"));
    int version = fields.path("version").asInt();
    if (version != CheckpointFormat.VERSION) {
      throw new BadInputException(
          "%s: the checkpoint is of format version %d and this program reads %d: go on with the program that wrote it"
              .formatted(where, version, CheckpointFormat.VERSION));
    }
    try {
      return JsonText.value(fields, RunState.class);
    } catch (JsonProcessingException e) {
      throw new BadInputException(
          "%s is damaged (%s): go on from another checkpoint".formatted(where, Reason.of(e)), e);
    }
  }
}
