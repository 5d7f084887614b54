package dev.fluxtune.app;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.RunConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Rows that cannot be evaluated on; {@link EvaluationRunTest} has those that can. */
class HeldOutTest extends TinyRuns {
  @Test
  void areReadInTheirOrderAndToTheLast() {
    RunConfig training =
        Configs.of(
            "dataset_name",
            tiny.rows(),
            "shuffle_dataset",
            true,
            "dataloader_drop_last",
            true,
            "per_device_eval_batch_size",
            3,
            "eval_packing",
            false);
    RunConfig held = HeldOut.config(training, false);
    assertThat(held.data().datasetTrainSplit()).isEqualTo("test");
    assertThat(held.data().shuffleDataset()).isFalse();
    assertThat(held.chunks().trainSamplingStrategy()).isEqualTo(RunConfig.Sampling.SEQUENTIAL);
    assertThat(held.chunks().tail()).isEqualTo(Packing.Tail.KEEP);
    assertThat(held.chunks().dataloaderDropLast()).isFalse();
    assertThat(held.chunks().perDeviceTrainBatchSize()).isEqualTo(3);
    assertThat(held.chunks().packing()).isFalse();
  }

  @Test
  void shardsThatAreTrainedOnAreNotEvaluatedOn() {
    Path shards = folder.resolve("shards");
    assertThat(tiny.call("pack", shards).code()).isZero();
    tiny.run(output, "dataset_name", shards, "eval_strategy", "epoch")
        .refused("the shards of " + shards + " are all trained on", "eval_dataset_name");
    tiny.run(output, "dataset_name", shards, "test_split_size", 0.1)
        .refused("test_split_size", "holds packed shards");
  }

  @Test
  void textToEvaluateOnNeedsATokenizerAlthoughShardsDoNot() throws IOException {
    Path shards = folder.resolve("shards");
    assertThat(tiny.call("pack", shards).code()).isZero();
    Path model = Files.createDirectory(folder.resolve("model"));
    Files.copy(TinyRun.MODEL.resolve("config.json"), model.resolve("config.json"));
    tiny.run(
            output,
            "dataset_name",
            shards,
            "model_name_or_path",
            model,
            "tokenizer_name_or_path",
            "null",
            "eval_strategy",
            "epoch",
            "eval_dataset_name",
            tiny.rows().resolve("test.jsonl"))
        .refused("the rows to evaluate on cannot be used", "need a tokenizer");
  }

  /** Evaluates on rows twice, and says how one key stands. */
  private CommandRun evaluatedOn(String rows, String key, Object value) throws IOException {
    Path file = Files.writeString(folder.resolve("held.jsonl"), rows);
    return tiny.whole(
        output,
        "max_steps",
        4,
        "eval_strategy",
        "steps",
        "eval_steps",
        2,
        "eval_dataset_name",
        file,
        key,
        value);
  }

  @Test
  void badRowsToEvaluateOnAreToldOfWhereTheyAreSkipped() throws IOException {
    String rows = "{\"prompt\": \"1 + 1 = \", \"completion\": \"2\"}\n{\"prompt\": \"1\"}\n";
    assertThat(evaluatedOn(rows, "on_bad_row", "skip").err())
        .containsOnlyOnce("bad rows to evaluate on, skipped: 1; the first: ")
        .contains("held.jsonl:2: column completion is missing");
  }

  @Test
  void rowsToEvaluateOnAreReadOnceForAllRuns() throws IOException {
    String rows = "{\"prompt\": \"1 + 1 = \", \"completion\": \"2\"}\n{}\n";
    String told = "bad rows to evaluate on, skipped: 1; the first: ";
    assertThat(evaluatedOn(rows, "on_bad_row", "skip").err()).contains("checking: ", told);
    output = folder.resolve("again");
    assertThat(evaluatedOn(rows, "on_bad_row", "skip").err())
        .doesNotContain("checking")
        .contains(told);
  }

  @Test
  void rowsThatAreSetAsideAreNotTakenForTheOthers() throws IOException {
    CommandRun run =
        tiny.whole(
            output,
            "dataset_name",
            many(),
            "packing_strategy",
            "bfd", // no setting but the side of the split differs
            "test_split_size",
            100,
            "max_steps",
            1,
            "eval_strategy",
            "epoch");
    assertThat(run.err()).contains("counting: 1,100 rows", "checking: 100 rows");
  }

  @Test
  void whatIsCutOffOfRowsToEvaluateOnIsToldOf() throws IOException {
    String rows =
        "{\"prompt\": \"1 + 1 = \", \"completion\": \"%s\"}".formatted("2 or ".repeat(99));
    assertThat(evaluatedOn(rows, "eval_packing", false).err())
        .containsPattern("evaluate on \\d+ of \\d+ tokens are beyond max_length");
  }

  @Test
  void damagedRowsToEvaluateOnAreNamed() throws IOException {
    byte[] file =
        Files.readAllBytes(
            Configs.HOME.resolve("pipeline/stages/src/test/resources/source/zstd.arrow"));
    int frame = new String(file, ISO_8859_1).indexOf("(\u00b5/\u00fd"); // zstd's magic number
    file[frame] = 0; // Arrow's reader keeps the memory of what it cannot decompress
    Path damaged = Files.write(folder.resolve("damaged.arrow"), file);
    tiny.run(output, "eval_strategy", "epoch", "eval_dataset_name", damaged)
        .refused("the rows to evaluate on cannot be used", "damaged.arrow: cannot be read");
  }

  @Test
  void rowsOfOneFileAreToldHowToBeSetAside() {
    tiny.run(output, "dataset_name", tiny.rows().resolve("train.jsonl"), "eval_strategy", "epoch")
        .refused("test_split_size: 0.1", "eval_dataset_name");
  }

  private Path many(String... more) throws IOException {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 1200; i++) {
      rows.add("{\"prompt\": \"%d + 1 = \", \"completion\": \"%d\"}".formatted(i, i + 1));
    }
    rows.addAll(List.of(more));
    return Files.write(folder.resolve("many.jsonl"), rows);
  }

  @Test
  void whatIsWrongWithTheModelIsSaidBeforeRowsAreSetAside() throws IOException {
    Path model = Files.createDirectory(folder.resolve("model"));
    Object[] settings = {
      "dataset_name",
      many("no JSON"),
      "model_name_or_path",
      model,
      "test_split_size",
      0.1,
      "eval_strategy",
      "epoch"
    };
    tiny.run(output, settings).refused(model.resolve("config.json").toString());
  }

  @Test
  void thatRowsAreSetAsideIsShown() throws IOException {
    Object[] settings = {
      "dataset_name", many(), "test_split_size", 0.1, "eval_strategy", "epoch", "dry_run", true
    };
    assertThat(tiny.whole(output, settings).err())
        .containsOnlyOnce("splitting: 1,200 rows, ")
        .containsOnlyOnce("counting: 1,0");
  }

  @Test
  void badRowsAmongWhichSomeAreSetAsideAreToldOfOnce() throws IOException {
    CommandRun run =
        tiny.whole(
            output,
            "dataset_name",
            many("no JSON"),
            "test_split_size",
            4,
            "max_steps",
            2,
            "eval_strategy",
            "steps",
            "eval_steps",
            1,
            "on_bad_row",
            "skip");
    assertThat(run.err())
        .containsOnlyOnce("many.jsonl:1201")
        .contains("skipped 1 bad row:")
        .doesNotContain("bad rows to evaluate on");
  }

  @Test
  void aBadRowToEvaluateOnIsToldOfBeforeTheFirstStep() throws IOException {
    Path rows = folder.resolve("held.jsonl");
    Files.writeString(
        rows,
        "{\"prompt\": \"1 + 1 = \", \"completion\": \"2\"}\n".repeat(600)
            + "{\"prompt\": \"1\"}\n");
    CommandRun run = tiny.run(output, "eval_strategy", "epoch", "eval_dataset_name", rows);
    run.refused("the rows to evaluate on cannot be used", "held.jsonl:601: column completion");
    assertThat(run.err()).doesNotContain("training: ");
  }

  @Test
  void rowsToEvaluateOnWithoutATargetAreToldOfBeforeTheFirstStep() throws IOException {
    Path rows = Files.writeString(folder.resolve("ids.jsonl"), "{\"input_ids\": [5]}\n");
    CommandRun run = tiny.run(output, "eval_strategy", "epoch", "eval_dataset_name", rows);
    run.refused("the rows to evaluate on cannot be used", "no token of the data is trained");
    assertThat(run.err()).doesNotContain("training: ");
  }
}
