package dev.fluxtune.app;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.fluxtune.schemas.Counts;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.StepPlan;
import java.util.Locale;
import java.util.OptionalInt;

/**
 * The numbers of a run before its first step; the components are the keys of {@code plan --json}.
 *
 * @param examples documents read
 * @param tokens tokens read
 * @param trainedTokens tokens that are targets, in one epoch
 * @param chunks chunks in one epoch
 * @param fill share of the chunks' room that tokens fill, 0 to 1
 * @param truncatedTokens tokens cut off at {@code max_length}
 * @param tailTokens tokens of a last, unfull chunk that is dropped
 * @param droppedChunks chunks that each epoch leaves out, in a last, short micro-batch
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
record PlanReport(
    long examples,
    long tokens,
    long trainedTokens,
    long chunks,
    double fill,
    long truncatedTokens,
    long tailTokens,
    long droppedChunks,
    long microBatchesPerEpoch,
    long stepsPerEpoch,
    long totalSteps,
    long warmupSteps) {

  /**
   * @param room tokens that a chunk has room for, where there is a limit
   */
  static PlanReport of(Counts counts, OptionalInt room, StepPlan plan) {
    return new PlanReport(
        counts.ledger().documents(),
        counts.ledger().tokens(),
        counts.ledger().trained(),
        counts.chunks(),
        counts.fill(room),
        counts.ledger().truncated(),
        counts.ledger().tail(),
        plan.droppedChunks(),
        plan.microBatchesPerEpoch(),
        plan.stepsPerEpoch(),
        plan.totalSteps(),
        plan.warmupSteps());
  }

  /** The steps of a run over so many chunks. */
  static StepPlan steps(RunConfig config, long chunks) {
    return new StepPlan(
        chunks,
        config.chunks().perDeviceTrainBatchSize(),
        config.chunks().gradientAccumulationSteps(),
        config.chunks().dataloaderDropLast(),
        config.training().numTrainEpochs(),
        config.training().maxSteps(),
        config.training().warmupSteps());
  }

  /** The table that a person reads. */
  Table table() {
    Table rows =
        new Table()
            .line("examples", examples, "")
            .line("tokens", tokens, "")
            .line("trained tokens", trainedTokens, share(trainedTokens) + " of all")
            .line("chunks", chunks, String.format(Locale.ROOT, "%.1f %% full", 100 * fill));
    if (truncatedTokens > 0) {
      rows.line(
          "truncated tokens", truncatedTokens, share(truncatedTokens) + ", beyond max_length");
    }
    rows.line("tail tokens", tailTokens, tailTokens == 0 ? "" : "in no chunk (tail: drop)");
    if (droppedChunks > 0) {
      rows.line("dropped chunks", droppedChunks, "an epoch, in no batch (dataloader_drop_last)");
    }
    return rows.line("micro-batches an epoch", microBatchesPerEpoch, "")
        .line("steps an epoch", stepsPerEpoch, "")
        .line("total steps", totalSteps, "")
        .line("warm-up steps", warmupSteps, "");
  }

  private String share(long part) {
    return String.format(Locale.ROOT, "%.1f %%", 100.0 * part / Math.max(1, tokens));
  }
}
