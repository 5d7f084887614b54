package dev.fluxtune.app.watch;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.Durable;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * {@code log.jsonl} in the run's folder: a JSON object a log, with {@code step}, {@code epoch} and
 * the values by transformers' names. What is no number is null.
 */
final class JsonLines implements Observer {
  static final String FILE = "log.jsonl";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final BufferedWriter out;

  private JsonLines(BufferedWriter out) {
    this.out = out;
  }

  /** Begins the file anew, with what the run logged before it was stopped. */
  static JsonLines open(WatchedRun run) throws IOException {
    Path file = run.folder().resolve(FILE);
    String before = run.before().stream().map(JsonLines::line).collect(Collectors.joining());
    Durable.write(file, before.getBytes(StandardCharsets.UTF_8));
    return new JsonLines(Files.newBufferedWriter(file, StandardOpenOption.APPEND));
  }

  @Override
  public String name() {
    return "jsonl";
  }

  @Override
  public void logged(TrainerState.Log log) throws IOException {
    out.write(line(log));
    out.flush();
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
    out.close();
  }
}
