package dev.fluxtune.schemas;

/**
 * The exact number of steps of a run, from the exact number of chunks. The formulas are those of
 * transformers' {@code Trainer}.
 *
 * @param chunks chunks in an epoch
 * @param batchSize chunks in a micro-batch ({@code per_device_train_batch_size})
 * @param accumulation micro-batches in a step ({@code gradient_accumulation_steps})
 * @param dropLast whether a short last micro-batch is dropped ({@code dataloader_drop_last})
 * @param epochs epochs, fractions too ({@code num_train_epochs})
 * @param maxSteps the total where positive, whatever {@code epochs} says ({@code max_steps})
 * @param warmup warm-up steps; below 1, their share of the total ({@code warmup_steps})
 */
public record StepPlan(
    long chunks,
    int batchSize,
    int accumulation,
    boolean dropLast,
    double epochs,
    long maxSteps,
    double warmup) {

  public StepPlan {
    if (chunks < 1) {
      throw noChunk();
    }
    if (batchSize < 1 || accumulation < 1) {
      throw new IllegalArgumentException(
          "batchSize and accumulation must be at least 1 (got %d, %d)"
              .formatted(batchSize, accumulation));
    }
    if (dropLast && chunks < batchSize) {
      throw new BadInputException(
          "%d chunks fill no batch of %d, and dataloader_drop_last drops a short one: lower per_device_train_batch_size or leave dataloader_drop_last out"
              .formatted(chunks, batchSize));
    }
  }

  /** The data holds too little for a single chunk. */
  public static BadInputException noChunk() {
    return new BadInputException(
        "the data fills no chunk: shorten max_length, add rows, or keep the last, unfull one with"
            + " tail: keep");
  }

  public long microBatchesPerEpoch() {
    return dropLast ? chunks / batchSize : ceilDiv(chunks, batchSize);
  }

  /** Chunks that each epoch leaves out at its end, in a micro-batch that would be short. */
  public long droppedChunks() {
    return dropLast ? chunks % batchSize : 0;
  }

  public long stepsPerEpoch() {
    return ceilDiv(microBatchesPerEpoch(), accumulation);
  }

  public long totalSteps() {
    return maxSteps > 0 ? maxSteps : (long) Math.ceil(epochs * stepsPerEpoch());
  }

  /** Micro-batches that the first {@code steps} steps take; those of each epoch begin anew. */
  public long microBatches(long steps) {
    return epoch(steps) * microBatchesPerEpoch() + microBatchesInEpoch(steps);
  }

  /** The epoch, from 0, that the first batch after {@code steps} steps belongs to. */
  public long epoch(long steps) {
    return steps / stepsPerEpoch();
  }

  /** Micro-batches of {@link #epoch} that lie behind after {@code steps} steps. */
  public long microBatchesInEpoch(long steps) {
    return steps % stepsPerEpoch() * accumulation;
  }

  /** Epochs seen after {@code steps} steps, as transformers counts them: by micro-batches. */
  public double epochs(long steps) {
    return (double) microBatches(steps) / microBatchesPerEpoch();
  }

  /** Epochs that the run begins; the last may end early. */
  public long epochsBegun() {
    return ceilDiv(totalSteps(), stepsPerEpoch());
  }

  public long warmupSteps() {
    return warmup >= 1 ? (long) warmup : (long) Math.ceil(totalSteps() * warmup);
  }

  private static long ceilDiv(long a, long b) {
    return a / b + (a % b == 0 ? 0 : 1); // a + b may be too large
  }
}
