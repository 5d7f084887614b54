package dev.fluxtune.app.watch;

import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.nio.file.Path;
import java.util.List;

/**
 * What an observer knows of a run before its first step.
 *
 * @param folder the run's
 * @param before what it logged before the checkpoint that it goes on from
 * @param configuration resolved, as YAML
 * @param model the text of the model's {@code config.json}
 */
public record WatchedRun(
    Path folder, List<TrainerState.Log> before, String configuration, String model) {}
