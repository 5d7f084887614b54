package dev.fluxtune.app.watch;

import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.nio.file.Path;
import java.util.List;

/**
 * What an observer knows of a run before its first step.
 *
 * @param folder the run's
 * @param after the step that it goes on after; 0 where it begins
 * @param before what it logged before the checkpoint that it goes on from
 * @param configuration resolved, as YAML
 * @param model the text of the model's {@code config.json}
 */
public record WatchedRun(
    Path folder, long after, List<TrainerState.Log> before, String configuration, String model) {}
