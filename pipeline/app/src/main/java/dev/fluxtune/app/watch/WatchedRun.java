package dev.fluxtune.app.watch;

import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

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
    Path folder, long after, List<TrainerState.Log> before, String configuration, String model) {

  /** In the folder: what was logged. */
  public static final String LOG = "log.jsonl";

  /** In the folder: what was sampled. */
  public static final String SAMPLES = "samples.jsonl";

  /** The name of this machine. */
  public static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }

  /** Whether the step that it goes on after has its evaluation, should one have been due. */
  public boolean evaluated() {
    return before.stream().anyMatch(log -> log.step() == after && log.isEvaluation());
  }

  /**
   * The last step whose samples stand. Those of the step that it goes on after do not where its
   * evaluation is not in the checkpoint: it is made again.
   */
  public long sampledUpTo() {
    return evaluated() ? after : after - 1;
  }

  /** The configuration, key by key, as YAML has it. */
  Map<String, Object> settings() {
    Map<String, Object> settings =
        new Yaml(new SafeConstructor(new LoaderOptions())).load(configuration);
    return settings == null ? Map.of() : settings;
  }
}
