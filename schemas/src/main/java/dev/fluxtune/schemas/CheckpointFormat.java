package dev.fluxtune.schemas;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The names and the version of a checkpoint: a folder {@code checkpoint-N} as transformers' Trainer
 * leaves it, in files that need no Python to be read, and beside them where the run stands and a
 * list of all files, which is written last: without it the folder is not complete.
 */
public final class CheckpointFormat {
  /** Rises with whatever an older program could not go on from. */
  public static final int VERSION = 1;

  /** What {@link #FILES} and {@link #STATE} say they are. */
  public static final String NAME = "fluxtune-checkpoint";

  /** Size and SHA-256 of every other file. */
  public static final String FILES = "fluxtune_files.json";

  /** The {@link RunState}. */
  public static final String STATE = "fluxtune_state.json";

  /** The moments, and the masters where products run in fewer bits. */
  public static final String OPTIMIZER = "optimizer.safetensors";

  /** Step, plan and what was logged, as transformers' {@code TrainerState} reads it. */
  public static final String TRAINER_STATE = "trainer_state.json";

  /** All weights, where they fit into one file. */
  public static final String WEIGHTS = "model.safetensors";

  /** Which shard holds which weight, where they do not. */
  public static final String INDEX = "model.safetensors.index.json";

  /**
   * Adapters, and what is trained whole beside them, as PEFT saves them: no weights of the base.
   */
  public static final String ADAPTER_WEIGHTS = "adapter_model.safetensors";

  /** What adapters these are, as PEFT tells it. */
  public static final String ADAPTER_CONFIG = "adapter_config.json";

  private static final Pattern FOLDER = Pattern.compile("checkpoint-(\\d{1,18})");

  private CheckpointFormat() {}

  /** The folder of a checkpoint. */
  public static String folder(long step) {
    return "checkpoint-" + step;
  }

  /** The step of a checkpoint's folder; empty if the name is another's. */
  public static OptionalLong step(String folder) {
    Matcher matcher = FOLDER.matcher(folder);
    return matcher.matches()
        ? OptionalLong.of(Long.parseLong(matcher.group(1)))
        : OptionalLong.empty();
  }

  /** Whether a folder holds a model, or adapters. */
  public static boolean isModel(Path folder) {
    return Stream.of(WEIGHTS, INDEX, ADAPTER_WEIGHTS)
        .anyMatch(it -> Files.exists(folder.resolve(it)));
  }

  /**
   * A file of weights.
   *
   * @param index from 0
   */
  public static String shard(int index, int count) {
    return count == 1
        ? WEIGHTS
        : String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", index + 1, count);
  }
}
