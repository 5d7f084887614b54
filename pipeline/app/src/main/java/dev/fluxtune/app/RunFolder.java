package dev.fluxtune.app;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.app.config.ConfigWriter;
import dev.fluxtune.app.terminal.Visible;
import dev.fluxtune.app.watch.WatchedRun;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Differences;
import dev.fluxtune.schemas.Durable;
import dev.fluxtune.schemas.FolderLock;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.RunState;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.adapter.AdapterFolder;
import dev.fluxtune.trainer.checkpoint.Checkpoint;
import dev.fluxtune.trainer.checkpoint.Checkpoints;
import dev.fluxtune.trainer.checkpoint.SideFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The folder that a run writes to: its configuration, its checkpoints, and at the end its model. No
 * other process writes there until this is closed.
 */
final class RunFolder implements AutoCloseable {
  /** The resolved configuration, every key; {@code --config} takes it. */
  private static final String CONFIG = "config.yaml";

  private final Path folder;
  private final RunConfig config;
  private final ObjectNode settings;
  private final Checkpoints checkpoints;
  private final Optional<FolderLock> lock;

  private RunFolder(Path folder, RunConfig config, ObjectNode settings, Optional<FolderLock> lock) {
    this.folder = folder;
    this.config = config;
    this.settings = settings;
    this.checkpoints = new Checkpoints(folder);
    this.lock = lock;
  }

  /**
   * Takes it; a dry run, which writes nothing, only looks.
   *
   * @param settings all that determines the weights
   * @throws BadInputException if another process is writing into it
   */
  static RunFolder take(Path folder, RunConfig config, ObjectNode settings) {
    try {
      return new RunFolder(
          folder,
          config,
          settings,
          config.output().dryRun() ? Optional.empty() : Optional.of(FolderLock.take(folder)));
    } catch (IOException e) {
      throw cannotBeWritten(folder, e);
    }
  }

  private static BadInputException cannotBeWritten(Path folder, IOException e) {
    return new BadInputException(
        "%s: cannot be written (%s); give another output_dir".formatted(folder, Reason.of(e)), e);
  }

  Path folder() {
    return folder;
  }

  /**
   * Looks for what the run goes on from ({@code resume_from_checkpoint}).
   *
   * @throws BadInputException if the folder holds a run and this is not to go on with it, or if the
   *     checkpoint is another run's
   */
  Optional<Checkpoint> open(Consumer<String> told) {
    Optional<String> resume = config.output().resumeFromCheckpoint();
    if (resume.isEmpty()) {
      checkFree();
      return Optional.empty();
    }
    Optional<Checkpoint> from =
        resume.get().equals("true")
            ? checkpoints.newestWhole(told)
            : Optional.of(Checkpoint.read(Path.of(resume.get())));
    if (from.isEmpty()) {
      checkNoModel();
    }
    from.ifPresent(this::checkSame);
    from.flatMap(this::otherBase).ifPresent(told);
    from.ifPresentOrElse(
        it ->
            told.accept("going on after step %,d, from %s".formatted(it.run().step(), it.folder())),
        () -> told.accept("no checkpoint in " + folder + ": starting from the beginning"));
    return from;
  }

  /**
   * Settings know a base by its sizes: one of equal shape, to which adapters mean nothing, fits.
   */
  private Optional<String> otherBase(Checkpoint from) {
    return config
        .model()
        .modelNameOrPath()
        .filter(it -> AdapterFolder.is(from.folder()))
        .flatMap(it -> AdapterFolder.otherBase(from.folder(), it));
  }

  private void checkFree() {
    List<String> damaged = new ArrayList<>();
    Optional<Checkpoint> there = checkpoints.newestWhole(damaged::add);
    if (there.isPresent()) {
      RunState run = there.get().run();
      throw new BadInputException(
          folder
              + (run.settings().equals(settings)
                  ? ": holds this run already, up to step %d; go on with it by"
                          .formatted(run.step())
                      + " --resume_from_checkpoint true, or give another output_dir"
                  : ": holds another run; give another output_dir, or remove it"));
    }
    if (!damaged.isEmpty()) {
      throw new BadInputException(
          folder
              + ": holds a run, but no checkpoint that is whole; give another output_dir, or remove it\n"
              + String.join("\n", damaged));
    }
    checkNoModel();
  }

  /** It may be the very one that training begins from, and its weights would be written over. */
  private void checkNoModel() {
    if (CheckpointFormat.isModel(folder)) {
      throw new BadInputException(folder + ": holds a model already; give another output_dir");
    }
  }

  private void checkSame(Checkpoint from) {
    ObjectNode theirs = from.run().settings();
    if (theirs.equals(settings)) {
      return;
    }
    StringBuilder message = new StringBuilder();
    message.append(from.folder()).append(": is of a run with other settings (theirs → ours):");
    for (String difference : Differences.between(theirs, settings)) {
      message.append("\n  ").append(difference);
    }
    throw new BadInputException(
        message + "\ngo on with the settings it has, or start another run in another output_dir");
  }

  /** Removes what a stopped run left half done, and writes the configuration. */
  void begin() {
    try {
      checkpoints.tidy();
      Durable.write(folder.resolve(CONFIG), ConfigWriter.yaml(config).getBytes(UTF_8));
    } catch (IOException e) {
      throw cannotBeWritten(folder, e);
    }
  }

  /** What those who watch the run know of it. */
  WatchedRun watched(Trainee trainee, Optional<Checkpoint> from) {
    Path model = trainee.setup().folder().resolve("config.json");
    try {
      return new WatchedRun(
          folder,
          from.map(it -> it.run().step()).orElse(0L),
          from.map(it -> it.trainer().logHistory()).orElse(List.of()),
          ConfigWriter.yaml(config),
          Files.readString(model));
    } catch (IOException e) {
      throw new BadInputException("%s cannot be read (%s)".formatted(model, Reason.of(e)), e);
    }
  }

  /** Writes the checkpoint of a step. */
  Path save(
      Trainee trainee,
      SideFiles sideFiles,
      RunLog log,
      StepPlan plan,
      RunEvent.Step last,
      Reading read) {
    long epoch = plan.epoch(last.step());
    long batches = plan.microBatchesInEpoch(last.step());
    RunState state =
        new RunState(
            CheckpointFormat.VERSION,
            Manifest.fingerprint(settings),
            settings,
            plan,
            config.training().seed(),
            config.training().chunkSeed(),
            last.step(),
            epoch,
            batches,
            batches == 0 ? Position.START : read.at(epoch, batches));
    return checkpoints.write(
        new Checkpoints.State(
            trainee.modelContents(),
            trainee.optimizerContents(),
            sideFiles,
            log.state(last.step(), last.epoch()),
            state),
        new Checkpoints.Keep(
            config.output().saveTotalLimit().orElse(0), config.output().loadBestModelAtEnd()));
  }

  /** Puts the model into the folder itself: the last one, or the best where that is wished. */
  void finish(Trainee trainee, SideFiles sideFiles, RunLog log, Consumer<String> told) {
    if (config.output().loadBestModelAtEnd() && log.best().isPresent()) {
      Checkpoint best = Checkpoint.read(folder.resolve(log.best().get().checkpoint()));
      trainee.restoreModel(best);
      told.accept("the best model was that of step %,d".formatted(log.best().get().step()));
    }
    checkpoints.writeModel(trainee.modelContents(), sideFiles);
  }

  String howToGoOn(long step) {
    return "stopped after step %,d; to go on: the same command with --output_dir %s --resume_from_checkpoint true"
        .formatted(step, Visible.inCommand(folder));
  }

  @Override
  public void close() {
    if (lock.isPresent()) {
      try {
        lock.get().close();
      } catch (IOException e) {
        throw cannotBeWritten(folder, e);
      }
    }
  }
}
