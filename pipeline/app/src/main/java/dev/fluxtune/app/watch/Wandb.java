package dev.fluxtune.app.watch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.app.terminal.Visible;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * A run of W&amp;B that lies on disk until {@code wandb sync} uploads it ({@code
 * wandb_internal.proto}), with the names of transformers' {@code WandbCallback}: {@code
 * wandb/offline-run-TIME-ID} in {@code WANDB_DIR}, else in the run's folder. Of the environment it
 * takes what is named here and nothing else: no key is read.
 *
 * <p>A run that goes on after a checkpoint is a new one, unless {@code WANDB_RUN_ID} says
 * otherwise; its history begins with what was logged before, so it is whole by itself.
 */
final class Wandb implements Observer {
  static final String NAME = "wandb";

  // Fields of Record, RunRecord and EnvironmentRecord.
  private static final int HISTORY = 2;
  private static final int SUMMARY = 3;
  private static final int METRIC = 12;
  private static final int RUN = 17;
  private static final int EXIT = 18;
  private static final int HEADER = 21;
  private static final int ENVIRONMENT = 26;

  private static final String STEP = "train/global_step";
  private static final int FAILED = 1;
  private static final int STOPPED = 255; // what W&B's own client says after a Ctrl-C
  private static final Pattern ID = Pattern.compile("[^/\\\\#?%:]{1,128}");
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd_HHmmss", Locale.ROOT);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path folder;
  private final Consumer<String> told;
  private final WandbFile out;
  private final Instant start = Instant.now();
  private final Set<String> metrics = new HashSet<>();
  private long logs;
  private int exitCode = FAILED; // until the run tells its end

  private Wandb(WatchedRun run, Path under, Map<String, String> environment, Consumer<String> told)
      throws IOException {
    this.told = told;
    String id = id(environment);
    String time = TIME.format(start.atZone(ZoneId.systemDefault()));
    this.folder = under.resolve("wandb").resolve("offline-run-%s-%s".formatted(time, id));
    Files.createDirectories(folder.resolve("files")); // W&B's own puts its list of packages there
    this.out = new WandbFile(folder.resolve("run-" + id + ".wandb"));
    out.write(
        HEADER, new Protobuf().message(1, new Protobuf().text(1, "fluxtune").text(2, "0.70.0")));
    out.write(RUN, run(run, environment, id));
    out.write(ENVIRONMENT, machine(id));
    out.write(METRIC, new Protobuf().text(1, STEP).message(6, new Protobuf().number(3, 1L)));
    out.write(
        METRIC,
        new Protobuf()
            .text(2, "*")
            .text(4, STEP)
            .message(6, new Protobuf().number(1, 1L).number(3, 1L)));
    for (TrainerState.Log log : run.before()) {
      write(log, start);
    }
  }

  /**
   * Begins a run, unless {@code WANDB_MODE} or {@code WANDB_DISABLED} switches it off.
   *
   * @param environment the process's
   * @param told is told what a person should know, on any thread
   * @throws BadInputException if {@code WANDB_RUN_ID} can name no run, or where nothing can be
   *     written
   */
  static Optional<Wandb> open(
      WatchedRun run, Map<String, String> environment, Consumer<String> told) {
    boolean off =
        Set.of("1", "ON", "YES", "TRUE")
                .contains(environment.getOrDefault("WANDB_DISABLED", "").toUpperCase(Locale.ROOT))
            || environment.getOrDefault("WANDB_MODE", "").equals("disabled");
    if (off) {
      told.accept("report_to: wandb writes nothing, since the environment switches it off");
      return Optional.empty();
    }
    given(environment, "WANDB_LOG_MODEL")
        .filter(it -> !it.equalsIgnoreCase("false"))
        .ifPresent(
            it ->
                told.accept(
                    "WANDB_LOG_MODEL: checkpoints do not become W&B artifacts yet; they lie in "
                        + run.folder()));
    Path under = given(environment, "WANDB_DIR").map(Path::of).orElse(run.folder());
    try {
      return Optional.of(new Wandb(run, under, environment, told));
    } catch (IOException e) {
      throw new BadInputException(
          "report_to: wandb cannot write in %s (%s); set WANDB_DIR to another folder, or leave it out"
              .formatted(under, Reason.of(e)),
          e);
    }
  }

  private static Optional<String> given(Map<String, String> environment, String name) {
    return Optional.ofNullable(environment.get(name)).filter(it -> !it.isBlank());
  }

  private static String id(Map<String, String> environment) {
    Optional<String> given = given(environment, "WANDB_RUN_ID");
    if (given.filter(it -> !ID.matcher(it).matches()).isPresent()) {
      throw new BadInputException(
          "WANDB_RUN_ID: must have 1 to 128 characters and none of / \\ # ? %% : (got %s); unset it, and one is drawn"
              .formatted(given.get()));
    }
    return given.orElseGet(
        () ->
            new SecureRandom()
                .ints(8, 0, 36)
                .collect(
                    StringBuilder::new,
                    (text, digit) -> text.append(Character.forDigit(digit, 36)),
                    StringBuilder::append)
                .toString());
  }

  private Protobuf run(WatchedRun run, Map<String, String> environment, String id) {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.putAll(readModel(run.model()));
    settings.putAll(run.settings()); // which win, as in transformers
    Protobuf config = new Protobuf();
    settings.forEach((key, value) -> config.message(1, item(key, json(value))));
    Protobuf record =
        new Protobuf()
            .text(1, id)
            .text(3, given(environment, "WANDB_PROJECT").orElse("huggingface"))
            .message(4, config)
            .text(13, WatchedRun.host())
            .message(17, timestamp());
    given(environment, "WANDB_ENTITY").ifPresent(it -> record.text(2, it));
    given(environment, "WANDB_RUN_GROUP").ifPresent(it -> record.text(6, it));
    given(environment, "WANDB_NAME")
        .or(() -> Optional.ofNullable(settings.get("run_name")).map(Object::toString))
        .ifPresent(it -> record.text(8, it));
    given(environment, "WANDB_NOTES").ifPresent(it -> record.text(9, it));
    for (String tag : environment.getOrDefault("WANDB_TAGS", "").split(",", -1)) {
      if (!tag.isBlank()) {
        record.text(10, tag.strip());
      }
    }
    return record;
  }

  private static Map<String, Object> readModel(String json) {
    try {
      return JSON.readValue(json, new TypeReference<>() {});
    } catch (JsonProcessingException e) {
      throw new AssertionError("a model's config.json that was read before is JSON", e);
    }
  }

  /** What {@code wandb-metadata.json} is made of. */
  private Protobuf machine(String id) {
    long processors = Runtime.getRuntime().availableProcessors();
    return new Protobuf()
        .text(1, System.getProperty("os.name") + "-" + System.getProperty("os.version"))
        .message(3, timestamp())
        .text(6, "fluxtune")
        .text(12, WatchedRun.host())
        .number(16, processors)
        .number(17, processors)
        .text(199, id);
  }

  private Protobuf timestamp() {
    return new Protobuf().number(1, start.getEpochSecond()).number(2, (long) start.getNano());
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public void happened(RunEvent event) {
    if (event instanceof RunEvent.End end) {
      exitCode = end.stopped() ? STOPPED : 0;
    }
  }

  @Override
  public void failed(String why) {
    exitCode = FAILED; // after its last step, too: its model may not have been written
  }

  @Override
  public void logged(TrainerState.Log log) throws IOException {
    write(log, Instant.now());
  }

  /** A row of the history, and what is the latest of each value, should no other follow. */
  private void write(TrainerState.Log log, Instant now) throws IOException {
    Map<String, String> values = new TreeMap<>();
    for (Map.Entry<String, Double> value : log.values().entrySet()) {
      values.put(TensorBoard.tag(value.getKey()), value.getValue().toString());
    }
    values.put("train/epoch", String.valueOf(log.epoch()));
    for (String name : values.keySet()) {
      if (metrics.add(name)) {
        out.write(METRIC, metric(name));
      }
    }
    values.put(STEP, String.valueOf(log.step()));
    values.put("_step", String.valueOf(logs));
    values.put("_timestamp", String.valueOf(seconds(now)));
    values.put("_runtime", String.valueOf(seconds(now) - seconds(start)));
    Protobuf summary = new Protobuf();
    Protobuf history = new Protobuf();
    values.forEach(
        (name, value) -> {
          summary.message(1, item(name, value));
          history.message(1, item(name, value));
        });
    summary.message(
        1,
        new Protobuf().text(2, "_wandb").text(2, "runtime").text(16, String.valueOf(runtime(now))));
    out.write(SUMMARY, summary);
    out.write(HISTORY, history.message(2, new Protobuf().number(1, logs)));
    logs++;
  }

  /** What W&B makes of {@code *} when a name first occurs: that its curve goes over the steps. */
  private static Protobuf metric(String name) {
    return new Protobuf()
        .text(1, name)
        .text(4, STEP)
        .message(6, new Protobuf().number(1, 1L))
        .message(9, new Protobuf().number(1, 1L))
        .number(10, 1L);
  }

  private static Protobuf item(String key, String json) {
    return new Protobuf().text(1, key).text(16, json);
  }

  private static String json(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new AssertionError("what was read from a file can be written as JSON", e);
    }
  }

  private static double seconds(Instant time) {
    return time.toEpochMilli() / 1000.0;
  }

  private long runtime(Instant now) {
    return now.getEpochSecond() - start.getEpochSecond();
  }

  @Override
  public void close() throws IOException {
    try (out) {
      out.write(EXIT, new Protobuf().number(1, (long) exitCode).number(2, runtime(Instant.now())));
    } finally {
      told.accept(
          (out.isTorn()
                  ? "what was written for W&B is incomplete; to upload what there is: wandb sync "
                  : "to upload the run to W&B: wandb sync ")
              + Visible.inCommand(folder));
    }
  }
}
