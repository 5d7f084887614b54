package dev.fluxtune.app.page;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.app.watch.Sampled;
import dev.fluxtune.app.watch.WatchedRun;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Durable;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/** What a run left in its folder: settings, logs and samples, read again. */
public final class LeftRun {
  private static final String CONFIG = "config.yaml";
  private static final ObjectMapper JSON = new ObjectMapper();

  private LeftRun() {}

  /**
   * Writes what several runs left into one report.
   *
   * @param told is told of runs that have not ended
   * @throws BadInputException if one of the folders holds no run or is given twice, or the report
   *     cannot be written
   */
  public static void compare(List<Path> folders, Path report, Consumer<String> told) {
    Set<Path> given = new HashSet<>();
    for (Path folder : folders) {
      if (!given.add(real(folder))) {
        throw new BadInputException(folder + ": is given twice; give each run once");
      }
    }
    boolean distinct = folders.stream().map(LeftRun::name).distinct().count() == folders.size();
    List<History> runs =
        folders.stream().map(it -> read(it, distinct ? name(it) : it.toString(), told)).toList();
    try {
      Durable.write(report, Report.html(runs));
    } catch (IOException e) {
      throw new BadInputException(
          "%s cannot be written (%s); give another file with --output"
              .formatted(report, Reason.of(e)),
          e);
    }
  }

  private static Path real(Path folder) {
    try {
      return folder.toRealPath();
    } catch (IOException e) {
      return folder; // not there, which reading it tells
    }
  }

  private static String name(Path folder) {
    Path name = folder.toAbsolutePath().normalize().getFileName();
    return (name == null ? folder : name).toString();
  }

  private static History read(Path folder, String name, Consumer<String> told) {
    for (String file : List.of(CONFIG, WatchedRun.LOG)) {
      if (!Files.isRegularFile(folder.resolve(file))) {
        throw new BadInputException(
            "%s: holds no run: it has no %s; give a run's output_dir".formatted(folder, file));
      }
    }
    List<TrainerState.Log> logs = logs(folder.resolve(WatchedRun.LOG));
    if (logs.isEmpty()) {
      throw new BadInputException(
          "%s: the run has logged nothing, so far or at all (logging_steps): there is nothing to compare"
              .formatted(folder));
    }
    if (!CheckpointFormat.isModel(folder)) {
      told.accept(
          "%s: holds no model: the run has not ended, or was stopped, or failed; it is compared up to step %,d"
              .formatted(folder, logs.get(logs.size() - 1).step()));
    }
    History history =
        new History(
            new RunFacts(
                name,
                folder,
                Optional.empty(),
                Optional.empty(),
                List.of(),
                settings(folder.resolve(CONFIG)),
                List.of()));
    logs.forEach(history::before);
    samples(folder).forEach(history::sampled);
    history.end("ended");
    return history;
  }

  private static Map<String, String> settings(Path file) {
    try {
      Object all = new Yaml(new SafeConstructor(new LoaderOptions())).load(Files.readString(file));
      if (all instanceof Map<?, ?> map) {
        Map<String, String> settings = new LinkedHashMap<>();
        map.forEach((key, value) -> settings.put(String.valueOf(key), String.valueOf(value)));
        return settings;
      }
      throw new BadInputException(file + ": holds no keys; is it the config.yaml of a run?");
    } catch (YAMLException e) {
      throw new BadInputException(
          file + ": is no YAML that a run wrote; give another folder, or remove the file", e);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static List<TrainerState.Log> logs(Path file) {
    List<TrainerState.Log> logs = new ArrayList<>();
    lines(file, line -> logs.add(log(line)));
    return logs;
  }

  private static TrainerState.Log log(JsonNode line) {
    Map<String, Double> values = new TreeMap<>();
    for (Map.Entry<String, JsonNode> value : line.properties()) {
      boolean place = value.getKey().equals("step") || value.getKey().equals("epoch");
      if (!place) { // what was no number is null
        values.put(value.getKey(), value.getValue().asDouble(Double.NaN));
      }
    }
    return new TrainerState.Log(line.path("step").asLong(), line.path("epoch").asDouble(), values);
  }

  /** The samples of a run by the step at which they were taken; none where it took none. */
  static List<Sampled> samples(Path folder) {
    Path file = folder.resolve(WatchedRun.SAMPLES);
    Map<Long, List<JsonNode>> steps = new LinkedHashMap<>();
    if (Files.isRegularFile(file)) {
      lines(
          file,
          it -> steps.computeIfAbsent(it.path("step").asLong(), at -> new ArrayList<>()).add(it));
    }
    return steps.values().stream().map(LeftRun::sampled).toList();
  }

  private static Sampled sampled(List<JsonNode> lines) {
    JsonNode first = lines.get(0);
    return new Sampled(
        first.path("step").asLong(),
        first.path("epoch").asDouble(),
        first.path("settings").asText(),
        lines.stream()
            .map(
                it ->
                    new Sampled.Text(
                        it.path("row").asLong(),
                        it.path("prompt").asText(),
                        it.path("generation").asText(),
                        it.path("reference").asText()))
            .toList());
  }

  /** The objects of a file, one a line; the last line may end anywhere, inside a character too. */
  private static void lines(Path file, Consumer<JsonNode> to) {
    try (BufferedReader in =
        new BufferedReader(new InputStreamReader(Files.newInputStream(file), UTF_8))) {
      String line = in.readLine();
      for (long number = 1; line != null; number++) {
        String next = in.readLine();
        try {
          to.accept(JSON.readTree(line));
        } catch (JsonProcessingException e) {
          if (next != null) {
            throw new BadInputException(
                "%s:%d is no JSON (%s); is it a file that a run wrote?"
                    .formatted(file, number, Reason.ofJson(e)),
                e);
          }
        }
        line = next;
      }
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static BadInputException unreadable(Path file, IOException e) {
    return new BadInputException("%s cannot be read (%s)".formatted(file, Reason.of(e)), e);
  }
}
