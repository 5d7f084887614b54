package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.FolderLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What a run cannot do is said in one message, with what to do, before anything is written. */
class RunRefusalTest extends TinyRuns {
  private void refused(String[] parts, Object... settings) {
    CommandRun run = tiny.run(output, settings);
    run.refused(parts);
    assertThat(TinyRun.names(output))
        .noneMatch(it -> it.startsWith("checkpoint") || it.endsWith(".safetensors"));
  }

  private static String[] says(String... parts) {
    return parts;
  }

  @Test
  void evaluationWithoutRowsForIt() {
    Path rows = tiny.rows().resolve("train.jsonl");
    refused(
        says(rows.toString(), "test", "eval_strategy"),
        "dataset_name",
        rows,
        "eval_strategy",
        "epoch");
  }

  @Test
  void completionsThatAllLieBeyondMaxLength() throws IOException {
    Path rows = folder.resolve("long.jsonl");
    Files.writeString(
        rows, "{\"prompt\": \"%s\", \"completion\": \"1\"}".formatted("1 + ".repeat(9)));
    refused(
        says("no token of the data is trained", "beyond max_length", "bfd_split"),
        "dataset_name",
        rows,
        "packing_strategy",
        "bfd",
        "max_length",
        8);
  }

  @Test
  void aModelFolderWithoutAConfiguration() throws IOException {
    Path model = Files.createDirectory(folder.resolve("model"));
    refused(says(model.resolve("config.json").toString()), "model_name_or_path", model);
  }

  @Test
  void noModelAtAll() {
    // The embedded model belongs to the embedded rows.
    CommandRun.of(
            folder.resolve("cache"),
            "run",
            "--dataset_name",
            tiny.rows(),
            "--tokenizer_name_or_path",
            TinyRun.MODEL.resolve("tokenizer"),
            "--output_dir",
            output)
        .refused("--model_name_or_path", "config.json");
  }

  @Test
  void weightsThatArePickled() throws IOException {
    Path model = SmallModel.in(folder.resolve("model"));
    Files.writeString(model.resolve("pytorch_model.bin"), "x");
    refused(says(model.toString(), "safetensors"), "model_name_or_path", model);
  }

  @Test
  void weightsOfWhichOnlyTheIndexIsThere() throws IOException {
    Path model = SmallModel.in(folder.resolve("model"));
    Files.writeString(
        model.resolve("model.safetensors.index.json"),
        "{\"weight_map\": {\"model.norm.weight\": \"model-00001-of-00002.safetensors\"}}");
    refused(
        says("index.json names model-00001-of-00002.safetensors, which is missing"),
        "model_name_or_path",
        model);
    assertThat(output).doesNotExist();
  }

  @Test
  void idsThatTheModelDoesNotKnow() throws IOException {
    refused(
        says("100", "vocab_size", "tokenizer", "no weights: training begins with random ones"),
        "model_name_or_path",
        SmallModel.in(folder.resolve("model")));
  }

  @Test
  void chunksOfDifferentLengthsWithoutAnIdToPadWith() throws IOException {
    Path ids = folder.resolve("ids.jsonl");
    Files.writeString(ids, "{\"input_ids\": [1, 2, 3]}\n{\"input_ids\": [4, 5]}\n");
    Path model = SmallModel.in(folder.resolve("model"));
    Path config = model.resolve("config.json");
    Files.writeString(config, Files.readString(config).replace(", \"eos_token_id\": 0", ""));
    CommandRun.of(
            folder.resolve("cache"),
            "run",
            "--dataset_name",
            ids,
            "--model_name_or_path",
            model,
            "--no_packing",
            "--output_dir",
            output)
        .refused("chunks of 2 and 3 tokens", "concat_token_id");
  }

  @Test
  void moreLayersThanTheModelHas() {
    refused(says("unfrozen_layers", "2"), "unfrozen_layers", 3);
  }

  @Test
  void aFolderThatAnotherProcessWritesInto() throws IOException {
    try (FolderLock lock = FolderLock.take(output)) {
      assertThat(lock).isNotNull();
      refused(says(output + ": another process is writing into it"));
      assertThat(TinyRun.names(output)).containsExactly(FolderLock.FILE);
    }
    tiny.whole(output, "max_steps", 1);
    assertThat(TinyRun.names(output)).contains("config.yaml").doesNotContain(FolderLock.FILE);
  }

  @Test
  void aFileInThePlaceOfTheFolder() throws IOException {
    output = Files.createFile(folder.resolve("good.jsonl"));
    CommandRun run = tiny.run(output);
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.err())
        .endsWith("pipeline: " + output + " is a file; give a folder for the output\n");
  }

  @Test
  void aPageThatCannotBeServedBeforeRowsAreCounted() {
    CommandRun run = tiny.run(output, "report_to", "page", "page_host", "192.0.2.1");
    run.refused("page_host: 192.0.2.1 is no address of this machine");
    assertThat(run.err()).doesNotContain("counting");
    assertThat(output).doesNotExist();
    tiny.run(output, "report_to", "page", "page_host", "no.such.host.invalid", "dry_run", true)
        .refused("page_host: no.such.host.invalid is no address");
  }

  @Test
  void adaptersThatNoMemoryHolds() {
    refused(
        says("memory of the device does not suffice", "lora_r", "--memory_table"),
        "use_peft",
        true,
        "lora_r",
        2_000_000_000,
        "lora_target_modules",
        "q_proj");
  }
}
