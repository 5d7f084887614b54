package dev.fluxtune.app;

import dev.fluxtune.app.command.PipelineCommand;
import dev.fluxtune.app.command.Resolved;
import dev.fluxtune.app.page.Page;
import dev.fluxtune.app.page.RunFacts;
import dev.fluxtune.app.terminal.Progress;
import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.app.watch.Observers;
import dev.fluxtune.app.watch.WatchedRun;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.RunConfig.When;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.checkpoint.Checkpoint;
import dev.fluxtune.trainer.checkpoint.SideFiles;
import dev.fluxtune.trainer.loop.Every;
import dev.fluxtune.trainer.loop.Schedule;
import dev.fluxtune.trainer.loop.Train;
import dev.fluxtune.trainer.model.Gpu;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import reactor.core.publisher.Flux;

/** One run: from rows to a model's folder, and what a person sees of it. */
final class Run {
  private final RunConfig config;
  private final Terminal terminal;
  private final Ports io;
  private final Cache cache;

  Run(Resolved run, Ports io, Cache cache) {
    this.config = run.config();
    this.terminal = run.terminal();
    this.io = io;
    this.cache = cache;
  }

  /**
   * Trains.
   *
   * @param folder where checkpoints and the model go
   */
  void run(Path folder) {
    Path model =
        io.model()
            .orElseThrow(
                () ->
                    new BadInputException(
                        "a run needs a model: give --model_name_or_path, a folder with config.json"
                            + " (and weights, unless they are to be drawn)"));
    Optional<Ports> held =
        config.output().evalStrategy() == When.NO ? Optional.empty() : Optional.of(io.evaluation());
    try (Interrupt interrupt = Interrupt.watch(terminal)) {
      Page.check(config.output()); // what is wrong with it, model or folder needs no count
      Setup setup = Setup.of(model, config, Gpu.device());
      held.ifPresent(Ports::aside);
      io.takePacked(cache).ifPresent(terminal::note); // which the settings tell of
      try (RunFolder output = RunFolder.take(folder, config, RunSettings.of(io, cache, model))) {
        run(output, output.open(terminal::note), setup, held, interrupt);
      }
    }
  }

  private void run(
      RunFolder output,
      Optional<Checkpoint> from,
      Setup setup,
      Optional<Ports> held,
      Interrupt interrupt) {
    Counted counted = Pipeline.counted(io, cache, terminal);
    Pipeline.warnings(terminal, counted);
    held.ifPresent(it -> HeldOut.check(it, cache, terminal));
    StepPlan plan = PlanReport.steps(config, counted.counts().chunks());
    try (Trainee trainee = Trainee.open(setup, config)) {
      if (setup.drawn()) {
        terminal.note(
            setup.folder()
                + " holds config.json and no weights: training begins with random ones, drawn by"
                + " the seed");
      }
      sayWhereChunksAreLonger(setup);
      Table start = Summary.start(trainee, PlanReport.of(counted.counts(), io.room(), plan), io);
      terminal.err().print(start);
      from.ifPresent(trainee::restore);
      if (config.output().dryRun()) {
        terminal.err().println("dry run: all is ready, nothing was trained or written");
        return;
      }
      output.begin();
      Samples samples = Samples.of(io, held, trainee);
      RunFacts facts =
          PageFacts.of(config, output.folder(), plan, counted.counts().ledger(), start);
      fit(output, from, trainee, plan, facts, held, samples, interrupt)
          .ifPresent(
              log ->
                  Summary.end(
                      terminal, counted.counts().ledger(), output.folder(), log, samples, io));
    }
  }

  /** Than the model was made for: it trains, and transformers runs it, but it may not be meant. */
  private void sayWhereChunksAreLonger(Setup setup) {
    int length = io.room().orElse(0);
    int known = setup.config().maxPositions().orElse(length);
    if (length > known) {
      terminal.note(
          String.format(
              Locale.ROOT,
              "chunks have %,d tokens, and the model was made for %,d positions"
                  + " (max_position_embeddings of %s): it has not learned those beyond",
              length,
              known,
              setup.folder()));
    }
  }

  /** From the first step to the model in the run's folder; empty where it was stopped before. */
  private Optional<RunLog> fit(
      RunFolder output,
      Optional<Checkpoint> from,
      Trainee trainee,
      StepPlan plan,
      RunFacts facts,
      Optional<Ports> held,
      Samples samples,
      Interrupt interrupt) {
    SideFiles sideFiles = trainee.sideFiles(io);
    long after = from.map(it -> it.run().step()).orElse(0L);
    Reading read = Reading.ofRun();
    interrupt.stepsBegin();
    WatchedRun watched = output.watched(trainee, from);
    Page page = // observers close it
        Page.open(facts, watched, io.decoder(), config.output(), terminal.err()::println);
    page.meters().ifPresent(io::measureBy);
    try (Progress progress = Progress.start(terminal, "training", plan.totalSteps());
        Observers observers =
            Observers.open(watched, config.output().reportTo(), page.observers(), progress::say)) {
      try {
        samples.before().filter(it -> after == 0).ifPresent(observers::sampled);
        RunLog log = new RunLog(config, plan, progress, observers::logged);
        from.ifPresent(it -> log.from(it.trainer()));
        Train.Settings settings =
            settings(trainee.setup(), plan, held)
                .after(after, watched.evaluated())
                .save(
                    new Every(config.output().saveStrategy(), config.output().saveSteps()),
                    last -> output.save(trainee, sideFiles, log, plan, last, read))
                .stopWhen(() -> interrupt.getAsBoolean() || log.endsEarly().isPresent());
        Consumer<RunEvent> told = told(log, observers, samples, progress);
        Consumer<Ledger> atEnd = epoch -> Counted.check(facts.ledger().orElseThrow(), epoch);
        RunEvent last = steps(trainee, plan, settings, after, read, page, atEnd, told);
        if (isStopped(last, log, output, progress)) {
          return Optional.empty();
        }
        output.finish(trainee, sideFiles, log, progress::say);
        return Optional.of(log);
      } catch (RuntimeException | Error e) {
        observers.failed(PipelineCommand.why(e));
        throw e;
      }
    }
  }

  /** Whether there is more to train; says why it ended before its last step, if it did. */
  private static boolean isStopped(RunEvent last, RunLog log, RunFolder output, Progress progress) {
    if (!(last instanceof RunEvent.End end && end.stopped())) {
      return false;
    }
    progress.say(
        log.endsEarly()
            .map(why -> "step %,d: the run ends early: %s".formatted(end.step(), why))
            .orElseGet(() -> output.howToGoOn(end.step())));
    return log.endsEarly().isEmpty();
  }

  /** Who is told of what happens, in this order. */
  private static Consumer<RunEvent> told(
      RunLog log, Observers observers, Samples samples, Progress progress) {
    return event -> {
      log.accept(event);
      observers.happened(asWatched(event, log));
      if (event instanceof RunEvent.Evaluation it) {
        samples.at(it.step(), it.epoch(), progress::say).ifPresent(observers::sampled);
      }
    };
  }

  /** All of them; what comes last. */
  private RunEvent steps(
      Trainee trainee,
      StepPlan plan,
      Train.Settings settings,
      long after,
      Reading read,
      Page page,
      Consumer<Ledger> atEnd,
      Consumer<RunEvent> told) {
    try (Train train = Train.on(trainee.model(), trainee.optimizer(), plan, settings)) {
      page.meters().ifPresent(it -> it.feed(train::batchesReady));
      Flux<RunEvent> events = SftRecipe.run(io, plan, after, read, page::reads, atEnd, train);
      return Objects.requireNonNull(events.doOnNext(told).blockLast());
    }
  }

  /** A run that gets no better and ends early has not been stopped, for those who watch. */
  private static RunEvent asWatched(RunEvent event, RunLog log) {
    return event instanceof RunEvent.End it && log.endsEarly().isPresent()
        ? new RunEvent.End(it.step(), false)
        : event;
  }

  /** What the configuration asks for; where a run begins and is saved, it does not know. */
  private Train.Settings settings(Setup setup, StepPlan plan, Optional<Ports> held) {
    RunConfig.Output wanted = config.output();
    Train.Settings settings =
        Train.Settings.of(Schedule.of(config.training(), plan))
            .prefetch(config.chunks().prefetch())
            .evaluate(
                new Every(wanted.evalStrategy(), wanted.evalSteps().orElse(0.0)),
                held.map(Run::batches).orElse(Flux.empty()));
    return config.training().autoFindBatchSize()
        ? settings.chunksAtOnce(MemoryReport.chunksAtOnce(setup, config, io.room()))
        : settings;
  }

  /** What is evaluated on. */
  private static Flux<Batch> batches(Ports held) {
    return Flux.defer(
        () -> SftRecipe.epoch(held, 0, 0, Reading.unasked(), held.badRows(), whole -> {}));
  }
}
