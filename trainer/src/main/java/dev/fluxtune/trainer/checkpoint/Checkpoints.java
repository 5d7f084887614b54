package dev.fluxtune.trainer.checkpoint;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.RunState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The checkpoints and the final model of a run's folder. Whatever moment the machine stops at, a
 * folder {@code checkpoint-N} is whole: it is written under another name, hidden, and renamed when
 * all of it is on disk; what is deleted is renamed first.
 */
public final class Checkpoints {
  /** As transformers cut them before version 5: what every store takes. */
  private static final long SHARD_BYTES = 5_000_000_000L;

  private static final String WRITTEN = ".tmp";
  private static final String DELETED = ".old";
  private static final Pattern LEFT_OVER =
      Pattern.compile("\\.(checkpoint-\\d+|model)\\.(tmp|old)");
  private static final Pattern WEIGHTS =
      Pattern.compile("model(-\\d{5}-of-\\d{5})?\\.safetensors(\\.index\\.json)?");

  private final Path outputDir;
  private final Disk disk;
  private final long shardBytes;

  /**
   * What a checkpoint is written from.
   *
   * @param model the weights, masters where there are, in the order of the model; a tied head is
   *     not among them; or adapters by their PEFT names, where {@code sideFiles} are those of such
   * @param optimizer moments, and masters that are not in {@code model}
   * @param sideFiles what lies beside weights
   * @param trainer what was logged
   * @param run where the run stands
   */
  public record State(
      Map<String, Content> model,
      Map<String, Content> optimizer,
      SideFiles sideFiles,
      TrainerState trainer,
      RunState run) {}

  /**
   * Which checkpoints stay.
   *
   * @param limit how many ({@code save_total_limit}); 0: all
   * @param best whether the best stays whatever its age ({@code load_best_model_at_end})
   */
  public record Keep(int limit, boolean best) {}

  public Checkpoints(Path outputDir) {
    this(outputDir, new Disk(), SHARD_BYTES);
  }

  Checkpoints(Path outputDir, Disk disk, long shardBytes) {
    this.outputDir = outputDir;
    this.disk = disk;
    this.shardBytes = shardBytes;
  }

  /** Whether this is what a run or a merge that was stopped left half done. */
  public static boolean isLeftOver(Path file) {
    return LEFT_OVER.matcher(file.getFileName().toString()).matches();
  }

  /**
   * Removes what a run that was stopped left half done; to be called before the first write. A
   * checkpoint that lacked nothing but its name gets it.
   */
  public void tidy() {
    during(
        outputDir + ": what a stopped run left there could not be removed",
        () -> {
          for (Path leftOver : named(name -> isLeftOver(Path.of(name)))) {
            String name = leftOver.getFileName().toString();
            Path checkpoint =
                outputDir.resolve(name.substring(1, name.length() - WRITTEN.length()));
            boolean whole =
                name.endsWith(WRITTEN)
                    && !Files.exists(checkpoint)
                    && FileList.damage(leftOver).isEmpty();
            if (whole) {
              disk.rename(leftOver, checkpoint);
            } else {
              disk.delete(leftOver);
            }
          }
          return outputDir;
        });
  }

  /**
   * Writes {@code checkpoint-N}, and then deletes the oldest that are too many.
   *
   * @return its folder
   * @throws BadInputException if the disk does not take it; nothing half is left behind
   */
  public Path write(State state, Keep keep) {
    long step = state.run().step();
    Path folder = outputDir.resolve(CheckpointFormat.folder(step));
    Path temporary = hidden(folder, WRITTEN);
    return during(
        folder + " could not be written",
        () -> {
          try {
            disk.createFolder(outputDir);
            FolderWriter files = new FolderWriter(disk, temporary);
            writeModel(files, state.model(), state.sideFiles());
            files.write(CheckpointFormat.OPTIMIZER, SafeTensorsWriter.body(state.optimizer()));
            files.write(CheckpointFormat.TRAINER_STATE, state.trainer().toJson());
            files.write(CheckpointFormat.STATE, state.run().toJson());
            files.write(CheckpointFormat.FILES, FileList.toJson(files.files()));
            files.sync();
            remove(folder); // of a run that went back to an earlier step
            disk.rename(temporary, folder);
          } catch (IOException e) {
            deleteQuietly(temporary, e);
            throw e;
          }
          deleteTooMany(step, keep, state.trainer());
          return folder;
        });
  }

  /**
   * The newest checkpoint that is whole.
   *
   * @param skipped is told of each newer one that is not, and why
   */
  public Optional<Checkpoint> newestWhole(Consumer<String> skipped) {
    List<Path> newestFirst = new ArrayList<>(byStep().values());
    Collections.reverse(newestFirst);
    for (Path folder : newestFirst) {
      Optional<String> damage = FileList.damage(folder);
      if (damage.isEmpty()) {
        return Optional.of(Checkpoint.ofWhole(folder));
      }
      skipped.accept("%s is damaged (%s) and passed over".formatted(folder, damage.get()));
    }
    return Optional.empty();
  }

  /**
   * Puts the model, or the adapters, into the run's folder itself. All of it is written beside
   * before the first file is replaced; a model of one file is replaced at once. Of shards, the old
   * index goes first and the new one comes last: a machine that stops between leaves no model there
   * rather than a mixed one, and the checkpoints hold it.
   */
  public void writeModel(Map<String, Content> model, SideFiles sideFiles) {
    during(
        "the model could not be written into " + outputDir,
        () -> {
          disk.createFolder(outputDir);
          Path temporary = hidden(outputDir.resolve("model"), WRITTEN);
          FolderWriter files = new FolderWriter(disk, temporary);
          try {
            writeModel(files, model, sideFiles);
            files.sync();
          } catch (IOException e) {
            deleteQuietly(temporary, e);
            throw e;
          }
          if (files.files().containsKey(CheckpointFormat.INDEX)) {
            disk.delete(outputDir.resolve(CheckpointFormat.INDEX));
            disk.delete(outputDir.resolve(CheckpointFormat.WEIGHTS));
            disk.sync(outputDir);
          }
          for (String name : weightsFirst(files.files())) {
            disk.rename(temporary.resolve(name), outputDir.resolve(name));
          }
          for (Path weights : named(name -> WEIGHTS.matcher(name).matches())) {
            if (!files.files().containsKey(weights.getFileName().toString())) {
              disk.delete(weights); // of a model in another number of files
            }
          }
          disk.delete(temporary);
          return outputDir;
        });
  }

  private void writeModel(FolderWriter files, Map<String, Content> model, SideFiles sideFiles)
      throws IOException {
    if (sideFiles.ofAdapter()) {
      files.write(CheckpointFormat.ADAPTER_WEIGHTS, SafeTensorsWriter.body(model));
    } else {
      ModelFiles.write(files, model, shardBytes);
    }
    sideFiles.write(files, model);
  }

  /** Weights, their index, all else. */
  private static List<String> weightsFirst(Map<String, Disk.Digest> files) {
    return files.keySet().stream()
        .sorted(
            Comparator.comparing((String name) -> !name.endsWith(".safetensors"))
                .thenComparing(name -> !name.equals(CheckpointFormat.INDEX))
                .thenComparing(Comparator.naturalOrder()))
        .toList();
  }

  private void deleteTooMany(long step, Keep keep, TrainerState trainer) throws IOException {
    if (keep.limit() < 1) {
      return;
    }
    NavigableMap<Long, Path> all = byStep();
    NavigableMap<Long, Path> candidates = new TreeMap<>(all);
    candidates.remove(step);
    if (keep.best() && trainer.best().isPresent()) {
      candidates.remove(trainer.best().get().step());
    }
    int tooMany = Math.min(all.size() - keep.limit(), candidates.size());
    for (; tooMany > 0; tooMany--) {
      // Later ones are of a run that went back to an earlier step: they go before the oldest.
      boolean later = candidates.lastKey() > step;
      remove((later ? candidates.pollLastEntry() : candidates.pollFirstEntry()).getValue());
    }
  }

  /** Deletes a checkpoint, if it is there, so that it never looks whole while it is not. */
  private void remove(Path folder) throws IOException {
    if (Files.exists(folder)) {
      Path old = hidden(folder, DELETED);
      disk.delete(old);
      disk.rename(folder, old);
      disk.delete(old);
    }
  }

  private NavigableMap<Long, Path> byStep() {
    NavigableMap<Long, Path> found = new TreeMap<>();
    try {
      for (Path folder : named(name -> CheckpointFormat.step(name).isPresent())) {
        found.put(CheckpointFormat.step(folder.getFileName().toString()).getAsLong(), folder);
      }
    } catch (IOException e) {
      throw new BadInputException("%s cannot be listed (%s)".formatted(outputDir, Reason.of(e)), e);
    }
    return found;
  }

  private List<Path> named(Predicate<String> name) throws IOException {
    if (!Files.isDirectory(outputDir)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(outputDir)) {
      return files.filter(file -> name.test(file.getFileName().toString())).sorted().toList();
    }
  }

  private static Path hidden(Path path, String suffix) {
    return path.resolveSibling("." + path.getFileName() + suffix);
  }

  private void deleteQuietly(Path temporary, IOException cause) {
    try {
      disk.delete(temporary);
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }

  private interface Work {
    Path run() throws IOException;
  }

  private static Path during(String what, Work work) {
    try {
      return work.run();
    } catch (IOException e) {
      throw new BadInputException(
          "%s (%s); free space on the disk, or give another output_dir"
              .formatted(what, Reason.of(e)),
          e);
    }
  }
}
