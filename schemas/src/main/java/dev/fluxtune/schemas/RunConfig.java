package dev.fluxtune.schemas;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Everything that can be set, by the names and with the defaults of TRL, transformers and PEFT;
 * what differs from TRL's defaults: {@code packing} is on and its strategy is {@code wrapped}. The
 * components of the nested records are the keys of the YAML file, flat and in snake_case.
 */
public record RunConfig(
    Model model, Data data, Chunks chunks, Training training, Adapter adapter, Output output) {

  /** The tensors' type: the file's, or the one named. */
  public enum Dtype {
    AUTO,
    BFLOAT16,
    FLOAT32
  }

  public enum TokenizerBackend {
    AUTO,
    FAST,
    REFERENCE
  }

  public enum OnBadRow {
    ERROR,
    SKIP
  }

  public enum PackingStrategy {
    WRAPPED,
    BFD,
    BFD_SPLIT
  }

  public enum PackedAttention {
    DOCUMENT,
    CHUNK
  }

  public enum Sampling {
    RANDOM,
    SEQUENTIAL
  }

  public enum Scheduler {
    LINEAR,
    COSINE,
    CONSTANT,
    CONSTANT_WITH_WARMUP,
    COSINE_WITH_MIN_LR
  }

  public enum Optim {
    ADAMW_TORCH_FUSED,
    ADAMW_TORCH
  }

  /** When something happens: never, every so many steps, or at the end of each epoch. */
  public enum When {
    NO,
    STEPS,
    EPOCH
  }

  /** What is trained, and what reads the text. */
  public record Model(
      @Setting(help = "Folder of a Hugging Face model, or its hub id if it lies in the local cache")
          Optional<String> modelNameOrPath,
      @Setting(
              help = "Folder of tokenizer.json, or a hub id in the local cache; unset: the model's")
          Optional<String> tokenizerNameOrPath,
      @Setting(
              def = "auto",
              help = "Tokenizer: fast (Java), reference (Hugging Face's own), or auto")
          TokenizerBackend tokenizerBackend,
      @Setting(help = "Text of the token that ends a document; unset: the tokenizer's eos_token")
          Optional<String> eosToken,
      @Setting(help = "Id that ends each document; unset: the id of eos_token", min = 0)
          Optional<Integer> concatTokenId,
      @Setting(help = "Type of the weights: auto (the file's), float32 or bfloat16")
          Optional<Dtype> dtype,
      @Setting(help = "Train only the last N layers; unset: all weights", min = 1)
          Optional<Integer> unfrozenLayers,
      @Setting(def = "false", help = "With unfrozen_layers, train the head too")
          boolean trainHead) {}

  /** Which rows, and what of them is trained. */
  public record Data(
      @Setting(
              help =
                  "Rows: a file, a glob, a folder, packed shards, or a hub id in the local cache;"
                      + " unset: the embedded rows")
          Optional<String> datasetName,
      @Setting(
              def = "[]",
              help = "Several data sets, read in order, each with path, split, columns")
          List<Source> datasets,
      @Setting(def = "train", help = "Split to train on, where a folder has several")
          String datasetTrainSplit,
      @Setting(def = "test", help = "Split to evaluate on, where a folder has several")
          String datasetTestSplit,
      @Setting(
              help =
                  "Rows to evaluate on, as dataset_name: a file, or its dataset_test_split; unset:"
                      + " dataset_name's")
          Optional<String> evalDatasetName,
      @Setting(
              help = "Share (below 1) or number of rows set aside by data_seed to evaluate on",
              min = 0)
          Optional<Double> testSplitSize,
      @Setting(def = "text", help = "Column of plain text rows") String datasetTextField,
      @Setting(def = "{}", help = "Columns to rename: {theirs: ours}")
          Map<String, String> columnMapping,
      @Setting(
              help =
                  "File with a prompt: {column} fields, the trained part between {% generation %}"
                      + " and {% endgeneration %}")
          Optional<String> template,
      @Setting(
              help =
                  "Train only the completion; unset: yes for rows with prompt and completion, no for"
                      + " text")
          Optional<Boolean> completionOnlyLoss,
      @Setting(def = "error", help = "What a bad row does: error (stop) or skip (count and list)")
          OnBadRow onBadRow,
      @Setting(def = "false", help = "Shuffle the rows once, by seed, before packing")
          boolean shuffleDataset,
      @Setting(help = "Threads that tokenize; unset: one a core", min = 1)
          Optional<Integer> datasetNumProc) {

    /**
     * The data sets to train on, in their order: those of {@code datasets}, else the one.
     *
     * @throws BadInputException if there is none
     */
    public List<Source> sources() {
      if (!datasets.isEmpty()) {
        return datasets;
      }
      String name =
          datasetName.orElseThrow(() -> new BadInputException("no rows: give --dataset_name"));
      return List.of(new Source(name, Optional.empty(), List.of()));
    }
  }

  /**
   * One data set of several.
   *
   * @param path as {@code dataset_name}
   * @param split the split, where the path is a folder that has several
   * @param columns columns to keep; empty: all
   */
  public record Source(String path, Optional<String> split, List<String> columns) {}

  /** How documents become chunks and chunks become batches. */
  public record Chunks(
      @Setting(def = "true", help = "Pack several documents into one chunk") boolean packing,
      @Setting(
              def = "wrapped",
              help = "Packing: wrapped (cut every max_length), bfd (best fit) or bfd_split")
          PackingStrategy packingStrategy,
      @Setting(
              def = "1024",
              help = "Tokens in a chunk; null: no limit (packing: false only)",
              min = 1)
          Optional<Integer> maxLength,
      @Setting(def = "1000", help = "Rows that bfd and bfd_split pack at a time", min = 1)
          int packingWindow,
      @Setting(def = "drop", help = "The last, unfull chunk of wrapped: drop, keep or pad")
          Packing.Tail tail,
      @Setting(
              def = "document",
              help = "Attention: document (stays inside each) or chunk (crosses, to compare)")
          PackedAttention packedAttention,
      @Setting(help = "Pack the evaluation rows; unset: as packing") Optional<Boolean> evalPacking,
      @Setting(def = "random", help = "Order of the chunks: random (anew each epoch) or sequential")
          Sampling trainSamplingStrategy,
      @Setting(
              def = "1024",
              help = "Chunks held to shuffle rows that are packed on the fly",
              min = 1)
          int shuffleBuffer,
      @Setting(def = "8", help = "Chunks in a micro-batch", min = 1) int perDeviceTrainBatchSize,
      @Setting(def = "8", help = "Chunks in an evaluation batch", min = 1)
          int perDeviceEvalBatchSize,
      @Setting(def = "1", help = "Micro-batches in a step", min = 1) int gradientAccumulationSteps,
      @Setting(def = "false", help = "Drop a short last micro-batch of each epoch")
          boolean dataloaderDropLast,
      @Setting(def = "2", help = "Batches made ready ahead of the trainer", min = 1)
          int prefetch) {}

  /** How the weights move. */
  public record Training(
      @Setting(def = "3.0", help = "Epochs; fractions too", min = 0) double numTrainEpochs,
      @Setting(def = "-1", help = "Steps; where positive, num_train_epochs does not count")
          long maxSteps,
      @Setting(def = "0", help = "Warm-up steps; below 1, their share of all steps", min = 0)
          double warmupSteps,
      @Setting(def = "2e-5", help = "Highest learning rate", min = 0) double learningRate,
      @Setting(
              def = "linear",
              help =
                  "Schedule: linear, cosine, constant, constant_with_warmup or cosine_with_min_lr")
          Scheduler lrSchedulerType,
      @Setting(def = "{}", help = "Arguments of the schedule: {min_lr_rate: 0.1}")
          Map<String, Double> lrSchedulerKwargs,
      @Setting(def = "adamw_torch_fused", help = "Optimizer: adamw_torch_fused or adamw_torch")
          Optim optim,
      @Setting(def = "0.0", help = "Weight decay, not on norms and biases", min = 0)
          double weightDecay,
      @Setting(def = "0.9", help = "AdamW's first moment decay", min = 0, max = 1) double adamBeta1,
      @Setting(def = "0.999", help = "AdamW's second moment decay", min = 0, max = 1)
          double adamBeta2,
      @Setting(def = "1e-8", help = "AdamW's epsilon", min = 0) double adamEpsilon,
      @Setting(def = "1.0", help = "Largest gradient norm; 0: no clipping", min = 0)
          double maxGradNorm,
      @Setting(help = "Multiply in bfloat16; unset: yes on a GPU, no on the CPU")
          Optional<Boolean> bf16,
      @Setting(def = "true", help = "Recompute activations instead of keeping them")
          boolean gradientCheckpointing,
      @Setting(def = "false", help = "Use the largest micro-batch that fits")
          boolean autoFindBatchSize,
      @Setting(def = "42", help = "Seed of the run") long seed,
      @Setting(help = "Seed of the order of chunks; unset: seed") Optional<Long> dataSeed) {
    /** Seed of the order of chunks in each epoch. */
    public long chunkSeed() {
      return dataSeed.orElse(seed);
    }
  }

  /** LoRA and quantized bases. */
  public record Adapter(
      @Setting(def = "false", help = "Train LoRA adapters instead of the weights") boolean usePeft,
      @Setting(def = "16", help = "LoRA rank", min = 1) int loraR,
      @Setting(def = "32", help = "LoRA alpha", min = 1) int loraAlpha,
      @Setting(def = "0.05", help = "LoRA dropout", min = 0, max = 1) double loraDropout,
      @Setting(def = "[]", help = "Modules to adapt: names, one regex, or all-linear")
          List<String> loraTargetModules,
      @Setting(def = "[]", help = "Modules to train whole beside the adapters")
          List<String> loraModulesToSave,
      @Setting(def = "false", help = "Scale by alpha / sqrt(r)") boolean useRslora,
      @Setting(def = "false", help = "Hold the base in 4 bits") boolean loadIn4bit,
      @Setting(def = "false", help = "Hold the base in 8 bits") boolean loadIn8bit,
      @Setting(def = "nf4", help = "4-bit type: nf4") String bnb4bitQuantType,
      @Setting(def = "false", help = "Quantize the quantization constants too")
          boolean useBnbNestedQuant) {}

  /** What is written, and when. */
  public record Output(
      @Setting(help = "Folder to write to; unset: runs/<time>") Optional<String> outputDir,
      @Setting(help = "Name of the run in logs") Optional<String> runName,
      @Setting(def = "steps", help = "When to log: no, steps or epoch") When loggingStrategy,
      @Setting(def = "10", help = "Steps between logs; below 1, a share of all", min = 0)
          double loggingSteps,
      @Setting(def = "false", help = "Log the first step too") boolean loggingFirstStep,
      @Setting(def = "[]", help = "Loggers: jsonl, tensorboard, wandb, page") List<String> reportTo,
      @Setting(def = "127.0.0.1", help = "Address that report_to: page is served on")
          String pageHost,
      @Setting(
              def = "6007",
              help = "Its port; another one where that is taken; 0: any",
              min = 0,
              max = 65_535)
          int pagePort,
      @Setting(def = "no", help = "When to evaluate: no, steps or epoch") When evalStrategy,
      @Setting(help = "Steps between evaluations; below 1, a share of all", min = 0)
          Optional<Double> evalSteps,
      @Setting(
              def = "5",
              help = "Held-out prompts that the model goes on from at each evaluation",
              min = 0,
              max = 100)
          int numSamples,
      @Setting(def = "64", help = "Tokens that it writes after each, at most", min = 1)
          int sampleMaxNewTokens,
      @Setting(def = "steps", help = "When to write a checkpoint: no, steps or epoch")
          When saveStrategy,
      @Setting(def = "500", help = "Steps between checkpoints; below 1, a share of all", min = 0)
          double saveSteps,
      @Setting(help = "Checkpoints kept; unset: all", min = 1) Optional<Integer> saveTotalLimit,
      @Setting(def = "false", help = "End with the best checkpoint, not the last")
          boolean loadBestModelAtEnd,
      @Setting(
              help =
                  "What best means: loss, perplexity, mean_token_accuracy or another metric of"
                      + " evaluations; unset: loss")
          Optional<String> metricForBestModel,
      @Setting(
              help =
                  "Whether more of it is better; unset: not of loss, perplexity, entropy and runtime")
          Optional<Boolean> greaterIsBetter,
      @Setting(
              help = "End the run when so many evaluations on end were no better; unset: never",
              min = 1)
          Optional<Integer> earlyStoppingPatience,
      @Setting(def = "0.0", help = "By how much a better one must be better", min = 0)
          double earlyStoppingThreshold,
      @Setting(help = "Checkpoint to go on from: a path, or true for the newest")
          Optional<String> resumeFromCheckpoint,
      @Setting(def = "false", help = "Do everything but train") boolean dryRun) {}
}
