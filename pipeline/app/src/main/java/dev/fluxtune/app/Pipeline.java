package dev.fluxtune.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.app.command.Actions;
import dev.fluxtune.app.command.Generation;
import dev.fluxtune.app.command.Planning;
import dev.fluxtune.app.command.Resolved;
import dev.fluxtune.app.page.LeftRun;
import dev.fluxtune.app.terminal.Progress;
import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.app.terminal.Visible;
import dev.fluxtune.pipeline.shard.Shards;
import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Counts;
import dev.fluxtune.schemas.FolderLock;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Gpu;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import reactor.core.publisher.Flux;

/** What the subcommands do. */
final class Pipeline implements Actions {
  private static final DateTimeFormatter RUN = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");

  private final Cache cache;

  Pipeline(Cache cache) {
    this.cache = cache;
  }

  @Override
  public void run(Resolved run) {
    Path folder = outputDir(run);
    try (Ports io = Ports.open(run.config(), run.terminal())) {
      new Run(run, io, cache).run(folder);
    }
  }

  private static Path outputDir(Resolved run) {
    Path folder =
        Path.of(
            run.config()
                .output()
                .outputDir()
                .orElseGet(() -> "runs/" + LocalDateTime.now(ZoneId.systemDefault()).format(RUN)));
    FolderLock.checkNoFile(folder);
    return folder;
  }

  @Override
  public void pack(Resolved run) {
    Path folder = outputDir(run);
    try (Ports io = Ports.open(run.config(), run.terminal())) {
      if (io.shards().isPresent()) {
        throw new BadInputException(
            run.config().data().datasetName().orElseThrow()
                + ": holds packed shards already; plan and inspect take them as they are");
      }
      ObjectNode settings = Settings.of(io, cache);
      Optional<Shards> whole = Shards.open(folder).filter(it -> it.differsFrom(settings).isEmpty());
      if (whole.isPresent()) {
        run.terminal().err().println(folder + " holds these chunks already; nothing was packed");
        summary(run.terminal(), folder, whole.get().manifest(), io);
        return;
      }
      BadRows bad = io.badRows();
      Manifest manifest =
          Interrupt.during(run.terminal(), () -> write(run, io, folder, settings, bad));
      summary(run.terminal(), folder, manifest, io);
      warnings(
          run.terminal(), Counted.of(new Counts(manifest.chunks(), manifest.ledger()), io, bad));
    }
  }

  private Manifest write(Resolved run, Ports io, Path folder, ObjectNode settings, BadRows bad) {
    try (Progress progress = Progress.start(run.terminal(), "packing", io.bytes())) {
      return Shards.write(
              folder,
              settings,
              (from, atEnd) -> {
                Consumer<Ledger> unchanged = whole -> atEnd.accept(checked(whole, io, settings));
                return watched(SftRecipe.chunks(io, from, bad, unchanged), from, io, progress);
              })
          .blockOptional()
          .orElseThrow();
    }
  }

  /** The shards say which files they were made of; so those must be the same at the end. */
  private Ledger checked(Ledger whole, Ports io, ObjectNode settings) {
    if (!Settings.of(io, cache).equals(settings)) {
      throw new BadInputException(
          "the rows have changed while they were packed: nothing is kept; start again when the files are whole");
    }
    return whole;
  }

  /** Shows how many rows and tokens have gone by. */
  private static Flux<Packed> watched(
      Flux<Packed> chunks, Position from, Ports io, Progress progress) {
    long[] behind = {from.document()};
    return chunks.doOnNext(
        packed -> {
          long now = packed.next().document();
          int tokens = packed.chunk().length() - packed.chunk().padding();
          progress.add(io.bytesBehind(), now - behind[0], tokens);
          behind[0] = now;
        });
  }

  private static void summary(Terminal terminal, Path folder, Manifest manifest, Ports io) {
    long bytes = manifest.parts().stream().mapToLong(Manifest.Part::bytes).sum();
    Counts counts = new Counts(manifest.chunks(), manifest.ledger());
    Table table =
        new Table()
            .ledger(manifest.ledger())
            .line(
                "chunks",
                manifest.chunks(),
                String.format(Locale.ROOT, "%.1f %% full", 100 * counts.fill(io.room())))
            .line(
                "parts",
                manifest.parts().size(),
                String.format(
                    Locale.ROOT,
                    "%,d bytes, %.2f MB per million tokens",
                    bytes,
                    (double) bytes / Math.max(1, manifest.tokens())));
    Summary.tokenizer(table, io);
    table
        .line("folder", "", folder.toString())
        .line("fingerprint", "", manifest.fingerprint().substring(0, 16));
    terminal.out().print(table);
  }

  static void warnings(Terminal terminal, Counted counted) {
    skipped(terminal, counted.badRows(), counted.firstBadRows());
    if (counted.specialsInText() > 0) {
      terminal
          .err()
          .printf(
              Locale.ROOT,
              "warning: %,d special tokens stood in the text of rows and became their ids, as in"
                  + " the Python tools; clean the rows if that is not meant%n",
              counted.specialsInText());
    }
  }

  static void skipped(Terminal terminal, long badRows, List<String> first) {
    if (badRows > 0) {
      String heading =
          badRows == 1
              ? "skipped 1 bad row:"
              : String.format(Locale.ROOT, "skipped %,d bad rows; the first:", badRows);
      terminal.err().println(heading);
      first.forEach(row -> terminal.err().println("  " + Visible.message(row)));
    }
  }

  @Override
  public void plan(Resolved run, Planning asked) {
    try (Ports io = Ports.open(run.config(), run.terminal())) {
      Optional<MemoryReport> memory = memory(run.config(), io, asked);
      io.takePacked(cache).ifPresent(run.terminal()::note);
      Counted counted = counted(io, cache, run.terminal());
      StepPlan steps = PlanReport.steps(run.config(), counted.counts().chunks());
      PlanReport report = PlanReport.of(counted.counts(), io.room(), steps);
      warnings(run.terminal(), counted);
      Table memoryLines = memory.map(MemoryReport::lines).orElse(new Table());
      run.terminal()
          .out()
          .print(asked.json() ? json(report, memory) : report.table().lines(memoryLines));
    }
  }

  /** What training takes on the device that was given, else on a GPU that is found. */
  private static Optional<MemoryReport> memory(RunConfig config, Ports io, Planning asked) {
    OptionalLong device =
        asked.deviceMemoryGib().isPresent()
            ? OptionalLong.of((long) (asked.deviceMemoryGib().getAsDouble() * (1L << 30)))
            : Gpu.totalBytes();
    boolean wished = asked.memoryTable() || asked.deviceMemoryGib().isPresent();
    boolean can =
        device.isPresent()
            && io.room().isPresent()
            // A folder that is there for its tokenizer alone is enough to count with.
            && io.model()
                .filter(it -> wished || Files.exists(it.resolve("config.json")))
                .isPresent();
    if (!can && wished) {
      throw new BadInputException(
          "memory is predicted of a model (--model_name_or_path), chunks of a known length"
              + " (--max_length) and a device: a GPU that is found, or --device_memory_gib");
    }
    return can
        ? Optional.of(
            MemoryReport.of(
                io.model().get(),
                config,
                device.getAsLong(),
                io.room().getAsInt(),
                asked.memoryTable()))
        : Optional.empty();
  }

  /** Counts an epoch, and shows how far that is. */
  static Counted counted(Ports io, Cache cache, Terminal terminal) {
    return Counted.of(io, cache, shown(io, terminal, "counting"));
  }

  /** Shows how far a pass over all rows is. */
  static UnaryOperator<Flux<Packed>> shown(Ports io, Terminal terminal, String task) {
    return chunks ->
        Flux.using(
            () -> Progress.start(terminal, task, io.bytes()),
            progress -> watched(chunks, Position.START, io, progress),
            Progress::close);
  }

  private static String json(PlanReport report, Optional<MemoryReport> memory) {
    ObjectMapper json = new ObjectMapper();
    ObjectNode plan = json.valueToTree(report);
    memory.ifPresent(it -> plan.set("memory", json.valueToTree(it)));
    try {
      return json.writerWithDefaultPrettyPrinter().writeValueAsString(plan) + "\n";
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void inspect(Resolved run, long first, long count, boolean plain) {
    try (Ports io = Ports.open(run.config(), run.terminal())) {
      long all = io.shards().map(it -> it.manifest().chunks()).orElse(Long.MAX_VALUE);
      if (first >= all) {
        throw new BadInputException(
            String.format(
                Locale.ROOT, "there is no chunk %,d; there are %,d, the first is 0", first, all));
      }
      ChunkPrinter printer = new ChunkPrinter(io.decoder(), !plain && run.terminal().colourOut());
      Flux<Chunk> chunks =
          io.shards()
              .map(shards -> shards.inOrder(first))
              .orElseGet(
                  () ->
                      SftRecipe.chunks(io, Position.START, io.badRows(), end -> {})
                          .map(Packed::chunk)
                          .skip(first));
      long[] next = {first};
      Chunk last =
          chunks
              .take(count)
              .doOnNext(chunk -> run.terminal().out().print(printer.print(next[0]++, chunk)))
              .blockLast();
      if (last == null) {
        throw new BadInputException(
            "there is no chunk %d; pipeline plan says how many there are (the first is 0)"
                .formatted(first));
      }
    }
  }

  @Override
  public void generate(Resolved run, Generation asked) {
    new GenerateCommand(run, asked).run();
  }

  @Override
  public void merge(Resolved run, Path adapter) {
    new MergeCommand(run, adapter).run(outputDir(run));
  }

  @Override
  public void compare(Terminal terminal, List<Path> runs, Path report) {
    LeftRun.compare(runs, report, terminal::note);
    terminal.out().println(report);
  }
}
