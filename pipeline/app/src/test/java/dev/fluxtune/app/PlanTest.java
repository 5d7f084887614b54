package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.StepPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The plan is what a consumer of the whole chain then counts. */
class PlanTest {
  @TempDir Path folder;

  static LongStream seeds() {
    return LongStream.range(0, 60);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void isWhatAConsumerOfTheWholeChainCounts(long seed) throws IOException {
    Random random = new Random(seed);
    RunConfig config = Configs.of(settings(random, rows(random, folder)).toArray());
    try (Ports io = Ports.open(config, Configs.SILENT)) {
      Counted counted =
          Counted.of(io, new Cache(folder.resolve("cache")), UnaryOperator.identity());
      StepPlan plan = PlanReport.steps(config, counted.counts().chunks());

      Consumer consumer = new Consumer(config);
      consumer.run(io);

      assertThat(plan.totalSteps()).as("total steps").isEqualTo(consumer.steps);
      assertThat(plan.microBatchesPerEpoch()).isEqualTo(consumer.microBatches);
      assertThat(plan.stepsPerEpoch()).isEqualTo(consumer.stepsOfAnEpoch);
      if (!config.chunks().dataloaderDropLast()) {
        assertThat(counted.counts().chunks()).isEqualTo(consumer.chunks);
        assertThat(counted.counts().ledger()).isEqualTo(consumer.ledger);
      }
    }
  }

  /** Steps as a trainer takes them; knows the configuration and the batches that come, no plan. */
  private static final class Consumer {
    private final RunConfig config;
    private long steps;
    private long microBatches;
    private long stepsOfAnEpoch;
    private long chunks;
    private Ledger ledger = Ledger.EMPTY;

    Consumer(RunConfig config) {
      this.config = config;
    }

    void run(Ports io) {
      int accumulation = config.chunks().gradientAccumulationSteps();
      long limit = config.training().maxSteps() > 0 ? config.training().maxSteps() : -1;
      for (long epoch = 0; limit < 0 || steps < limit; epoch++) {
        List<Batch> batches =
            SftRecipe.epoch(io, epoch, 0, Reading.unasked(), io.badRows(), it -> ledger = it)
                .collectList()
                .block();
        long stepsInEpoch = 0;
        for (int at = 0; at < batches.size(); at += accumulation) {
          stepsInEpoch++; // the last step of an epoch may be of fewer micro-batches
        }
        if (epoch == 0) {
          microBatches = batches.size();
          stepsOfAnEpoch = stepsInEpoch;
          chunks = batches.stream().mapToLong(Batch::size).sum();
          if (limit < 0) {
            // As transformers: the run ends with the step that completes the share of epochs.
            limit = 0;
            while (limit < config.training().numTrainEpochs() * stepsInEpoch) {
              limit++;
            }
          }
        }
        steps += Math.min(stepsInEpoch, limit - steps);
      }
    }
  }

  /** Writes documents of some length, of ids below 100. */
  static Path rows(Random random, Path folder) throws IOException {
    List<String> rows = new ArrayList<>();
    int n = 30 + random.nextInt(100);
    for (int row = 0; row < n; row++) {
      int[] ids = random.ints(1 + random.nextInt(30), 1, 100).toArray();
      rows.add("{\"input_ids\": " + Arrays.toString(ids) + "}");
    }
    return Files.write(folder.resolve("rows.jsonl"), rows);
  }

  /** All that decides on steps, at random: names and values in turn. */
  static List<Object> settings(Random random, Path rows) {
    String strategy = List.of("wrapped", "bfd", "bfd_split", "none").get(random.nextInt(4));
    List<Object> settings =
        new ArrayList<>(
            List.of(
                "dataset_name",
                rows,
                "concat_token_id",
                0,
                "max_length",
                8 + random.nextInt(16),
                "per_device_train_batch_size",
                1 + random.nextInt(5),
                "gradient_accumulation_steps",
                1 + random.nextInt(4),
                "num_train_epochs",
                0.1 + random.nextInt(25) / 10.0,
                "max_steps",
                random.nextInt(4) == 0 ? 1 + random.nextInt(60) : -1,
                "dataloader_drop_last",
                random.nextBoolean(),
                "shuffle_dataset",
                random.nextBoolean(),
                "train_sampling_strategy",
                random.nextBoolean() ? "random" : "sequential"));
    if (strategy.equals("none")) {
      settings.addAll(List.of("packing", false));
    } else {
      settings.addAll(List.of("packing_strategy", strategy));
    }
    if (strategy.equals("wrapped")) {
      settings.addAll(List.of("tail", List.of("drop", "keep", "pad").get(random.nextInt(3))));
    } else if (!strategy.equals("none")) {
      settings.addAll(List.of("packing_window", 1 + random.nextInt(50)));
    }
    return settings;
  }
}
