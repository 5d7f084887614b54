package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.RunConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The chunks of an epoch, each a row of its own here, from rows and from shards. */
class SftRecipeTest {
  @TempDir Path folder;
  private Path rows;
  private Path shards;

  @BeforeEach
  void pack() throws IOException {
    String text =
        IntStream.range(0, 40)
            .mapToObj(id -> "{\"input_ids\": [%d, 1]}\n".formatted(id))
            .collect(Collectors.joining());
    rows = Files.writeString(folder.resolve("rows.jsonl"), text);
    shards = folder.resolve("packed");
    CommandRun pack =
        CommandRun.of(
            folder.resolve("cache"),
            "pack",
            "--dataset_name",
            rows,
            "--max_length",
            2,
            "--output_dir",
            shards);
    assertThat(pack.code()).as(pack.err()).isZero();
  }

  /** The first id of each chunk. */
  private static List<Integer> order(Path from, long epoch, long seed, Object dataSeed) {
    return order(
        Configs.of("dataset_name", from, "max_length", 2, "seed", seed, "data_seed", dataSeed),
        epoch);
  }

  private static List<Integer> order(RunConfig config, long epoch) {
    try (Ports io = Ports.open(config, Configs.SILENT)) {
      return SftRecipe.epoch(io, epoch, 0, Reading.unasked(), io.badRows(), end -> {})
          .flatMapIterable(
              batch -> IntStream.range(0, batch.size()).mapToObj(batch::chunk).toList())
          .map(chunk -> chunk.inputIds()[0])
          .collectList()
          .block();
    }
  }

  @Test
  void areInAnotherOrderInEachEpochByTheDataSeedAlone() {
    for (Path from : List.of(rows, shards)) {
      List<Integer> order = order(from, 0, 1, 5);
      assertThat(order).hasSize(40).doesNotHaveDuplicates().isNotEqualTo(order(from, 1, 1, 5));
      assertThat(order(from, 0, 2, 5)).isEqualTo(order);
      assertThat(order(from, 0, 1, 6)).isNotEqualTo(order);
    }
  }

  @Test
  void areInTheOrderOfTheSeedWhereThereIsNoDataSeed() {
    for (Path from : List.of(rows, shards)) {
      assertThat(order(from, 0, 5, "null")).isEqualTo(order(from, 0, 1, 5));
    }
  }

  @Test
  void areOfRowsThatAreShuffledOnceByTheSeedAlone() {
    List<Integer> order = order(shuffled(1, 5), 0);
    assertThat(order).hasSize(40).doesNotHaveDuplicates().isEqualTo(order(shuffled(1, 6), 1));
    assertThat(order).isNotEqualTo(order(shuffled(2, 5), 0));
  }

  private RunConfig shuffled(long seed, long dataSeed) {
    return Configs.of(
        "dataset_name",
        rows,
        "max_length",
        2,
        "shuffle_dataset",
        true,
        "train_sampling_strategy",
        "sequential",
        "seed",
        seed,
        "data_seed",
        dataSeed);
  }
}
