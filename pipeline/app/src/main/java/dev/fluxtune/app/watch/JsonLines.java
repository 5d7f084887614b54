package dev.fluxtune.app.watch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Durable;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * {@code log.jsonl} in the run's folder: a JSON object a log, with {@code step}, {@code epoch} and
 * the values by transformers' names, what is no number being null. And {@code samples.jsonl}: one a
 * prompt that the model went on from, with {@code step}, {@code epoch}, {@code row}, {@code
 * prompt}, {@code generation}, {@code reference} and {@code settings}.
 */
final class JsonLines implements Observer {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final OutputStream out;
  private final OutputStream samples;

  private JsonLines(OutputStream out, OutputStream samples) {
    this.out = out;
    this.samples = samples;
  }

  /**
   * Begins the files anew, with what the run told before the step that it goes on after.
   *
   * @throws BadInputException if one of them cannot be written
   */
  static JsonLines open(WatchedRun run) {
    String before = run.before().stream().map(JsonLines::line).collect(Collectors.joining());
    String sampled = sampledUpTo(run.sampledUpTo(), run.folder());
    return new JsonLines(
        begin(run.folder().resolve(WatchedRun.LOG), before),
        begin(run.folder().resolve(WatchedRun.SAMPLES), sampled));
  }

  private static OutputStream begin(Path file, String with) {
    try {
      Durable.write(file, utf8(with));
      return Files.newOutputStream(file, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new BadInputException(
          "%s cannot be written (%s); make room for it, or give another output_dir"
              .formatted(file, Reason.of(e)),
          e);
    }
  }

  /** Lines of the file as it is; the last one may have been left half written. */
  private static String sampledUpTo(long step, Path folder) {
    Path file = folder.resolve(WatchedRun.SAMPLES);
    if (!Files.exists(file)) {
      return "";
    }
    StringBuilder kept = new StringBuilder();
    for (String line : text(file).split("\n", -1)) {
      if (step(line) <= step) {
        kept.append(line).append('\n');
      }
    }
    return kept.toString();
  }

  private static String text(Path file) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new BadInputException(
          "%s cannot be read (%s); remove it, or give another output_dir"
              .formatted(file, Reason.of(e)),
          e);
    }
  }

  private static long step(String line) {
    try {
      return JSON.readTree(line).path("step").asLong(Long.MAX_VALUE);
    } catch (JsonProcessingException e) {
      return Long.MAX_VALUE;
    }
  }

  @Override
  public String name() {
    return "jsonl";
  }

  @Override
  public void logged(TrainerState.Log log) throws IOException {
    out.write(utf8(line(log)));
  }

  @Override
  public void sampled(Sampled sampled) throws IOException {
    for (Sampled.Text text : sampled.texts()) {
      ObjectNode line = JSON.createObjectNode();
      line.put("step", sampled.step()).put("epoch", sampled.epoch()).put("row", text.row());
      line.put("prompt", text.prompt()).put("generation", text.generation());
      line.put("reference", text.reference()).put("settings", sampled.settings());
      samples.write(utf8(line + "\n"));
    }
  }

  /** Halves of characters, such as texts may hold, become question marks. */
  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String line(TrainerState.Log log) {
    ObjectNode line = JSON.createObjectNode();
    line.put("step", log.step()).put("epoch", log.epoch());
    new TreeMap<>(log.values())
        .forEach(
            (name, value) -> {
              if (Double.isFinite(value)) {
                line.put(name, value);
              } else {
                line.putNull(name);
              }
            });
    return line + "\n";
  }

  @Override
  public void close() throws IOException {
    try (samples) {
      out.close();
    }
  }
}
