package dev.fluxtune.app;

import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.app.watch.Meters;
import dev.fluxtune.pipeline.format.Format;
import dev.fluxtune.pipeline.format.RowKind;
import dev.fluxtune.pipeline.format.Template;
import dev.fluxtune.pipeline.shard.Shards;
import dev.fluxtune.pipeline.shuffle.SetAside;
import dev.fluxtune.pipeline.shuffle.ShuffleRows;
import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.pipeline.source.DatasetFiles;
import dev.fluxtune.pipeline.source.HubCache;
import dev.fluxtune.pipeline.source.RecordBatch;
import dev.fluxtune.pipeline.source.Rows;
import dev.fluxtune.pipeline.tokenize.SpecialTokens;
import dev.fluxtune.pipeline.tokenize.Tokenizer;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.ShardFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import reactor.core.publisher.Flux;

/**
 * Owns what a run reads from, opened once: the data set's files or shards, the template, the
 * tokenizer, the memory of record batches. Close it when the run ends.
 */
final class Ports implements AutoCloseable {
  private static final Path TEMPORARY = Path.of(System.getProperty("java.io.tmpdir"));

  private final RunConfig config;
  private final Terminal terminal;
  private final Optional<Ports> lender; // to evaluate: whose the tokenizer is, and the split
  private final BufferAllocator allocator = new RootAllocator();
  private final List<DataSet> dataSets = new ArrayList<>();
  private final LongAdder bytesRead = new LongAdder();
  private final Optional<Path> model;
  private Optional<Shards> shards = Optional.empty();
  private Optional<SetAside> aside = Optional.empty();
  private Optional<Ports> held = Optional.empty(); // closed with this one
  private Optional<Template> template = Optional.empty();
  private RowKind kind = RowKind.PACKED;
  private Optional<Path> tokenizerFile = Optional.empty();
  private Optional<CompletableFuture<Tokenizer>> tokenizer = Optional.empty();
  private Optional<Meters> meters = Optional.empty();

  /** Files read as one, and the columns kept of them. */
  record DataSet(List<Path> files, List<String> columns) {}

  private Ports(RunConfig config, Terminal terminal, Optional<Ports> lender) {
    this.config = config;
    this.terminal = terminal;
    this.lender = lender;
    this.model = config.model().modelNameOrPath().map(HubCache::model);
  }

  /**
   * Opens what a configuration names; the embedded rows are named by its defaults.
   *
   * @param terminal shows a pass over all rows, where one is needed to set some aside
   * @throws BadInputException if a part of it is missing or cannot be used
   */
  static Ports open(RunConfig config, Terminal terminal) {
    return open(config, terminal, true);
  }

  /** Opens the tokenizer alone. */
  static Ports withoutRows(RunConfig config, Terminal terminal) {
    return open(config, terminal, false);
  }

  private static Ports open(RunConfig config, Terminal terminal, boolean rows) {
    Ports ports = new Ports(config, terminal, Optional.empty());
    try {
      ports.tokenizerFolder().ifPresent(ports::openTokenizer);
      if (rows) {
        ports.openData();
      }
      return ports;
    } catch (RuntimeException e) {
      try {
        ports.close();
      } catch (IllegalStateException leaked) { // Arrow keeps memory of a damaged file
        e.addSuppressed(leaked);
      }
      throw e;
    }
  }

  /**
   * Opens the rows to evaluate on, in their order and to the last: a data set of their own, those
   * that are set aside, or the test split of the data set. They share this one's tokenizer and are
   * closed with it.
   *
   * @throws BadInputException if there are no such rows
   */
  Ports evaluation() {
    RunConfig theirs = HeldOut.config(config, shards.isPresent());
    Ports rows = new Ports(theirs, terminal, Optional.of(this));
    held = Optional.of(rows);
    rows.tokenizer = tokenizer;
    rows.tokenizerFile = tokenizerFile;
    try {
      rows.openData();
      return rows;
    } catch (BadInputException e) {
      throw HeldOut.unusable(e);
    }
  }

  private void openData() {
    RunConfig.Data data = config.data();
    if (data.datasetName().isPresent()) {
      Path folder = Path.of(data.datasetName().get());
      shards = Files.isDirectory(folder) ? Shards.open(folder) : Optional.empty();
      if (shards.isPresent()) {
        HeldOut.checkShards(data);
        return;
      }
      if (Files.exists(folder.resolve(ShardFormat.part(0)))) {
        terminal.note(
            folder
                + ": holds packed shards and no manifest: where packing was stopped they were not all"
                + " written; the same pipeline pack goes on");
      }
    }
    for (RunConfig.Source source : data.sources()) {
      add(
          new DataSet(
              DatasetFiles.resolve(source.path(), source.split().orElse(data.datasetTrainSplit())),
              source.columns()));
    }
    template = data.template().map(Template::read);
    kind = firstKind();
    if (kind.isText() && tokenizer.isEmpty()) {
      throw new BadInputException(
          "rows of text need a tokenizer: give --tokenizer_name_or_path, the folder of a"
              + " tokenizer.json, or a --model_name_or_path that holds one");
    }
  }

  /**
   * Data sets of which the same columns are kept are one: a renamed column may be in any of them.
   */
  private void add(DataSet next) {
    DataSet last = dataSets.isEmpty() ? null : dataSets.get(dataSets.size() - 1);
    if (last != null && last.columns().equals(next.columns())) {
      List<Path> files = new ArrayList<>(last.files());
      files.addAll(next.files());
      dataSets.set(dataSets.size() - 1, new DataSet(files, next.columns()));
    } else {
      dataSets.add(next);
    }
  }

  /** What the rows are, told by the first that are read. */
  private RowKind firstKind() {
    try (RecordBatch first = Objects.requireNonNull(inOrder(badRows()).blockFirst())) {
      bytesRead.reset();
      return RowKind.of(
          dataSets.get(0).files().get(0).toString(),
          first.columns(),
          config.data().datasetTextField(),
          template.isPresent());
    }
  }

  /** Named, else the model's. */
  private Optional<Path> tokenizerFolder() {
    Optional<Path> named = config.model().tokenizerNameOrPath().map(HubCache::model);
    return named.or(() -> model.filter(it -> Files.exists(it.resolve("tokenizer.json"))));
  }

  /** Begins to: a large one takes a second, in which the first rows are read. */
  private void openTokenizer(Path path) {
    tokenizer =
        Optional.of(
            CompletableFuture.supplyAsync(
                () ->
                    Tokenizer.open(
                        path,
                        model,
                        config.model().eosToken(),
                        optional(config.model().concatTokenId()),
                        config.model().tokenizerBackend())));
    tokenizerFile = Optional.of(Files.isDirectory(path) ? path.resolve("tokenizer.json") : path);
  }

  private static OptionalInt optional(Optional<Integer> value) {
    return value.map(OptionalInt::of).orElse(OptionalInt.empty());
  }

  /**
   * Takes the chunks from {@code output_dir/packed} from now on, where they lie there, packed by
   * the same settings.
   *
   * @return what a person should know of it
   */
  Optional<String> takePacked(Cache cache) {
    Optional<Path> folder = config.output().outputDir().map(it -> Path.of(it, "packed"));
    Optional<Shards> found = shards.isPresent() ? Optional.empty() : folder.flatMap(Shards::open);
    if (found.isEmpty()) {
      return Optional.empty();
    }
    Optional<String> differences = found.get().differsFrom(Settings.of(this, cache));
    if (differences.isPresent()) {
      return Optional.of(differences.get() + "\nthey are left alone, and the rows read");
    }
    shards = found;
    return Optional.of("the chunks are taken from " + folder.get());
  }

  /** Has the stages of each stream from now on measured. */
  void measureBy(Meters by) {
    meters = Optional.of(by);
  }

  /** What goes by here is measured by this name, where that is wished. */
  <T> Function<Flux<T>, Flux<T>> measured(String name) {
    return in -> meters.map(it -> it.stage(name, in)).orElse(in);
  }

  /** Whether these are the rows to evaluate on. */
  boolean isEvaluation() {
    return lender.isPresent();
  }

  RunConfig config() {
    return config;
  }

  List<DataSet> dataSets() {
    return dataSets;
  }

  /** Bytes of all files. */
  long bytes() {
    return dataSets.stream().flatMap(set -> set.files().stream()).mapToLong(Ports::size).sum();
  }

  /** The size of a file in bytes. */
  static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Bytes of the files that are behind since this was asked last. */
  long bytesBehind() {
    return bytesRead.sumThenReset();
  }

  /** The shards that the data set is, where it is packed already. */
  Optional<Shards> shards() {
    return shards;
  }

  Optional<Template> template() {
    return template;
  }

  RowKind kind() {
    return kind;
  }

  /** A collector for one pass over the rows. */
  BadRows badRows() {
    return config.data().onBadRow() == RunConfig.OnBadRow.SKIP ? BadRows.skip() : BadRows.fail();
  }

  /** All rows of all data sets that are not set aside, in order, or shuffled once by seed. */
  Flux<RecordBatch> rows(BadRows bad) {
    Optional<SetAside> split = aside();
    boolean told = split.isPresent() && isEvaluation(); // of bad rows, where all are read
    Flux<RecordBatch> all = inOrder(told ? badRows() : bad);
    Flux<RecordBatch> rows =
        split.map(it -> all.transform(it.keep(isEvaluation(), allocator))).orElse(all);
    return config.data().shuffleDataset()
        ? rows.transform(ShuffleRows.by(config.training().seed(), TEMPORARY, allocator))
        : rows;
  }

  /** The rows that are set aside, which takes a pass over all of them to count; once. */
  synchronized Optional<SetAside> aside() {
    if (lender.isPresent()) {
      return lender.get().aside();
    }
    Optional<Double> size = config.data().testSplitSize();
    if (aside.isEmpty() && size.isPresent()) {
      long rows = HeldOut.count(this, terminal);
      aside = Optional.of(SetAside.of(rows, size.get(), config.training().chunkSeed()));
    }
    return aside;
  }

  /** All rows of all data sets, set aside or not. */
  Flux<RecordBatch> inOrder(BadRows bad) {
    return Flux.fromIterable(dataSets)
        .concatMap(
            set ->
                Rows.read(
                    set.files(),
                    config.data().columnMapping(),
                    set.columns(),
                    bad,
                    bytesRead::add,
                    allocator),
            1);
  }

  /** How a row of text becomes a prompt. */
  Function<RecordBatch, List<Prompted>> format(BadRows bad) {
    return template
        .map(it -> Format.with(it, completionOnly(), bad))
        .orElseGet(
            () -> Format.with(kind, config.data().datasetTextField(), completionOnly(), bad));
  }

  /** Whether only the completion is trained. */
  boolean completionOnly() {
    return kind.trainsCompletionOnly(config.data().completionOnlyLoss());
  }

  /**
   * The tokenizer; there is one where rows are text.
   *
   * @throws BadInputException (as a cause) if it cannot be used
   */
  Tokenizer tokenizer() {
    return tokenizer.orElseThrow().join();
  }

  /** The folder of the model's {@code config.json}, where one is named. */
  Optional<Path> model() {
    return model;
  }

  /** Ids to text, where there is a tokenizer. */
  Optional<Function<int[], String>> decoder() {
    return tokenizer.map(it -> it.join()::decode);
  }

  Optional<Path> tokenizerFile() {
    return tokenizerFile;
  }

  /** The id that ends a document and pads, where one is known; eos_token need not be said twice. */
  OptionalInt endId() {
    return shards
        .map(it -> it.manifest().settings().path("concat_token_id").asInt(-1))
        .filter(id -> id >= 0)
        .or(() -> tokenizer.map(it -> it.join().endId()))
        .or(config.model()::concatTokenId)
        .map(OptionalInt::of)
        .orElseGet(() -> SpecialTokens.eosTokenId(model.stream().toList()));
  }

  /** Tokens that a chunk has room for, where that is known. */
  OptionalInt room() {
    Optional<Integer> packed =
        shards.map(it -> it.manifest().settings().path("max_length").asInt()).filter(it -> it > 0);
    return optional(kind == RowKind.PACKED ? packed : config.chunks().maxLength());
  }

  Packing packing() {
    return PackingKeys.read(config.chunks(), endId());
  }

  int workers() {
    return config.data().datasetNumProc().orElseGet(Runtime.getRuntime()::availableProcessors);
  }

  @Override
  public void close() {
    // One that failed to open told so where it was asked for.
    tokenizer
        .filter(it -> lender.isEmpty())
        .ifPresent(it -> it.thenAccept(Tokenizer::close).exceptionally(failed -> null).join());
    try (allocator) {
      held.ifPresent(Ports::close);
    }
  }
}
