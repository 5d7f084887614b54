package dev.fluxtune.trainer.checkpoint;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.RunState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A whole checkpoint on disk. Its folder is a model's folder too, for us and for transformers, or
 * one of adapters, for us and for PEFT.
 *
 * @param run where the run stands
 * @param trainer what it logged
 * @param model which file holds which weight, of adapters by their PEFT names
 * @param optimizer which file holds which moment or master
 */
public record Checkpoint(
    Path folder,
    RunState run,
    TrainerState trainer,
    Map<String, SafeTensors> model,
    Map<String, SafeTensors> optimizer) {

  /**
   * Reads a checkpoint and checks every byte of it; tensors stay on disk.
   *
   * @throws BadInputException if it is damaged, half, or not one of ours
   */
  public static Checkpoint read(Path folder) {
    Optional<String> damage =
        Files.isDirectory(folder)
            ? FileList.damage(folder)
            : Optional.of("there is no such folder");
    if (damage.isPresent()) {
      throw new BadInputException(
          "%s is no whole checkpoint: %s; resume_from_checkpoint: true takes the newest whole one"
              .formatted(folder, damage.get()));
    }
    return ofWhole(folder);
  }

  /** Reads one whose bytes are known to be those that were written. */
  static Checkpoint ofWhole(Path folder) {
    Path state = folder.resolve(CheckpointFormat.STATE);
    Path trainer = folder.resolve(CheckpointFormat.TRAINER_STATE);
    Path adapters = folder.resolve(CheckpointFormat.ADAPTER_WEIGHTS);
    return new Checkpoint(
        folder,
        RunState.fromJson(text(state), state.toString()),
        TrainerState.fromJson(text(trainer), trainer),
        Files.exists(adapters) ? ofOne(adapters) : ModelFiles.read(folder),
        ofOne(folder.resolve(CheckpointFormat.OPTIMIZER)));
  }

  private static Map<String, SafeTensors> ofOne(Path file) {
    SafeTensors tensors = SafeTensors.read(file);
    Map<String, SafeTensors> files = new LinkedHashMap<>();
    tensors.tensors().keySet().forEach(name -> files.put(name, tensors));
    return files;
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new BadInputException("%s cannot be read (%s)".formatted(file, Reason.of(e)), e);
    }
  }
}
