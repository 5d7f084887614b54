package dev.fluxtune.app.command;

import dev.fluxtune.app.config.Key;
import java.util.Locale;
import java.util.Set;

/** A subcommand that takes a configuration, and the keys that its help explains. */
enum Subcommand {
  RUN(
      "Train a model on rows",
      "Streams rows, or packed shards, into the trainer and writes checkpoints and the model into"
          + " output_dir, as transformers reads them. Ctrl-C finishes the step and writes a"
          + " checkpoint; --resume_from_checkpoint true goes on from the newest, to the bit.",
      "pipeline run --config pipeline/recipes/last8.yaml --dataset_name packed/"
          + " \\\n      --eval_dataset_name test.jsonl --output_dir out/"),
  PACK(
      "Pack rows into shards",
      "Reads rows, formats, tokenizes, masks and packs them, and writes the chunks into"
          + " output_dir: Parquet shards, and a manifest when all of them are whole. Stopped at"
          + " any moment, it goes on after the last whole shard when started again.",
      "pipeline pack --dataset_name rows.jsonl --tokenizer_name_or_path llama2/"
          + " \\\n      --max_length 1024 --output_dir packed/"),
  PLAN(
      "Count tokens, chunks and steps before the first step",
      "Counts examples, tokens, trained tokens, chunks and steps, exactly, without training: from"
          + " the footers of packed shards, else by a pass over the rows whose result is kept for"
          + " the next time. For a GPU, found or given, it predicts the memory that training takes.",
      "pipeline plan --config run.yaml --json"),
  INSPECT(
      "Show chunks as a person can read them",
      "Prints chunks with their documents told apart, masked text dim, trained text bright, special"
          + " tokens visible, and positions.",
      "pipeline inspect --config run.yaml --chunk 7 --count 2"),
  GENERATE(
      "Let a model write on from prompts",
      "Prints what the model of a folder, a checkpoint's or an adapter's too, writes after each"
          + " --prompt; or, for the rows of dataset_name, one JSON object a line: prompt, completion"
          + " (that of the row, where it has one) and generated. A row's prompt is its text before"
          + " the part that would be trained; of plain text, and of a template without"
          + " {% generation %}, all of it. Weights are used as their files hold them, those of an"
          + " adapter's base too, whatever load_in_4bit and load_in_8bit say.",
      "pipeline generate --model_name_or_path out/ --prompt \"The moon is\""),
  MERGE(
      "Merge adapters into their base",
      "Writes the model of model_name_or_path with the adapters of a run, or of PEFT, added to its"
          + " weights, each in its own type, into output_dir, as transformers reads it. The base"
          + " and the adapters stay as they are.",
      "pipeline merge --model_name_or_path llama2/ --adapter out/"
          + " \\\n      --output_dir merged/");

  private static final Set<String> TOKENIZER =
      Set.of(
          "model_name_or_path",
          "tokenizer_name_or_path",
          "tokenizer_backend",
          "eos_token",
          "concat_token_id");
  private static final Set<String> PACKING =
      Set.of("packing", "packing_strategy", "max_length", "packing_window", "tail");
  private static final Set<String> STEPS =
      Set.of(
          "per_device_train_batch_size",
          "gradient_accumulation_steps",
          "dataloader_drop_last",
          "num_train_epochs",
          "max_steps",
          "warmup_steps");
  private static final Set<String> MEMORY =
      Set.of(
          "dtype",
          "bf16",
          "unfrozen_layers",
          "train_head",
          "gradient_checkpointing",
          "use_peft",
          "lora_r",
          "lora_target_modules",
          "lora_modules_to_save",
          "load_in_4bit",
          "load_in_8bit",
          "use_bnb_nested_quant");

  private static final Set<String> ROWS =
      Set.of(
          "dataset_name",
          "datasets",
          "dataset_train_split",
          "dataset_text_field",
          "column_mapping",
          "template",
          "on_bad_row");

  private final String summary;
  private final String description;
  private final String example;

  Subcommand(String summary, String description, String example) {
    this.summary = summary;
    this.description = description;
    this.example = example;
  }

  String command() {
    return name().toLowerCase(Locale.ROOT);
  }

  String summary() {
    return summary;
  }

  String description() {
    return description;
  }

  String example() {
    return example;
  }

  /** Whether it packs rows into chunks; where none are named, the embedded ones. */
  boolean packs() {
    return this != GENERATE && this != MERGE;
  }

  /** Whether the help explains the key; it is accepted in any case. */
  boolean explains(Key key) {
    String name = key.name();
    boolean chunks =
        key.group() == Key.Group.DATA
            || TOKENIZER.contains(name)
            || PACKING.contains(name)
            || name.equals("seed");
    return switch (this) {
      case RUN -> true;
      case PACK -> chunks || name.equals("output_dir");
      case PLAN -> chunks || STEPS.contains(name) || MEMORY.contains(name);
      case INSPECT -> chunks;
      case GENERATE ->
          ROWS.contains(name)
              || TOKENIZER.contains(name)
              || name.equals("dtype")
              || name.equals("bf16")
              || name.equals("seed");
      case MERGE -> name.equals("model_name_or_path") || name.equals("output_dir");
    };
  }
}
