package dev.fluxtune.app;

import dev.fluxtune.app.config.Key;
import dev.fluxtune.app.terminal.Progress;
import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.pipeline.source.RecordBatch;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.RunConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Which rows are evaluated on: those of a data set of their own ({@code eval_dataset_name}), those
 * that are set aside ({@code test_split_size}), else the test split of the data set.
 */
final class HeldOut {
  private HeldOut() {}

  /**
   * The configuration that reads them, in their order and to the last.
   *
   * @param packed whether the data set is shards
   * @throws BadInputException if there are no such rows
   */
  static RunConfig config(RunConfig config, boolean packed) {
    Map<String, Object> changes = new LinkedHashMap<>();
    if (config.data().testSplitSize().isEmpty()) {
      dataSet(config.data(), packed, changes);
    }
    changes.put("packing", config.chunks().evalPacking().orElse(config.chunks().packing()));
    changes.put("tail", Packing.Tail.KEEP);
    changes.put("shuffle_dataset", false);
    changes.put("train_sampling_strategy", RunConfig.Sampling.SEQUENTIAL);
    changes.put("per_device_train_batch_size", config.chunks().perDeviceEvalBatchSize());
    changes.put("dataloader_drop_last", false);
    return Key.changed(config, changes);
  }

  /** The data set and its split. */
  private static void dataSet(RunConfig.Data data, boolean packed, Map<String, Object> changes) {
    if (data.evalDatasetName().isEmpty() && data.datasetName().isEmpty()) {
      throw new BadInputException(
          "eval_strategy: several datasets have no split in common to evaluate on; name rows for it"
              + " (eval_dataset_name), set some aside (test_split_size), or eval_strategy: no");
    }
    if (data.evalDatasetName().isEmpty() && packed) {
      throw new BadInputException(
          "eval_strategy: the shards of %s are all trained on; name rows to evaluate on (eval_dataset_name), or eval_strategy: no"
              .formatted(data.datasetName().get()));
    }
    boolean file = data.evalDatasetName().map(Path::of).filter(Files::isRegularFile).isPresent();
    changes.put("dataset_name", data.evalDatasetName().or(data::datasetName));
    changes.put("datasets", List.of());
    changes.put("dataset_train_split", file ? "train" : data.datasetTestSplit());
  }

  /**
   * Checks a configuration that names shards.
   *
   * @throws BadInputException if rows are to be set aside
   */
  static void checkShards(RunConfig.Data data) {
    if (data.testSplitSize().isPresent()) {
      throw new BadInputException(
          "test_split_size: %s holds packed shards, and rows are set aside before they are packed; name others to evaluate on by eval_dataset_name"
              .formatted(data.datasetName().orElseThrow()));
    }
  }

  /**
   * Reads what is evaluated on where no earlier run did: a row that cannot be used would else end
   * the run at its first evaluation. Tells of those that are skipped and of what is cut off.
   *
   * @throws BadInputException if a row cannot be used, or none is left
   */
  static void check(Ports held, Cache cache, Terminal terminal) {
    if (held.shards().isPresent()) {
      return;
    }
    try {
      Counted counted = Counted.of(held, cache, Pipeline.shown(held, terminal, "checking"));
      if (counted.badRows() > 0) {
        terminal.note(
            String.format(
                Locale.ROOT,
                "bad rows to evaluate on, skipped: %,d; the first: %s",
                counted.badRows(),
                counted.firstBadRows().get(0)));
      }
      Ledger ledger = counted.counts().ledger();
      if (ledger.truncated() > 0) {
        terminal.note(
            String.format(
                Locale.ROOT,
                "of the rows to evaluate on %,d of %,d tokens are beyond max_length: they are cut off",
                ledger.truncated(),
                ledger.tokens()));
      }
    } catch (BadInputException e) {
      throw unusable(e);
    }
  }

  /** What to do where the rows to evaluate on cannot be used. */
  static BadInputException unusable(BadInputException why) {
    return new BadInputException(
        "eval_strategy: the rows to evaluate on cannot be used: %s; or set some aside by test_split_size: 0.1, name others in eval_dataset_name, or eval_strategy: no"
            .formatted(why.getMessage()),
        why);
  }

  /** Counts all rows, of which some are to be set aside, and shows how far that is. */
  static long count(Ports io, Terminal terminal) {
    try (Progress progress = Progress.start(terminal, "splitting", io.bytes())) {
      long rows =
          io.inOrder(io.badRows())
              .doOnNext(batch -> progress.add(io.bytesBehind(), batch.size(), 0))
              .doOnNext(RecordBatch::close)
              .reduce(0L, (n, batch) -> n + batch.size())
              .blockOptional()
              .orElse(0L);
      progress.add(io.bytesBehind(), 0, 0);
      return rows;
    }
  }
}
