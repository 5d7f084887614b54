package dev.fluxtune.app.watch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tests {@link JsonLines}. */
class JsonLinesTest {
  @TempDir Path folder;

  private WatchedRun run(long after, List<TrainerState.Log> before) {
    return new WatchedRun(folder, after, before, "", "{}");
  }

  private void write(List<TrainerState.Log> before, TrainerState.Log... logs) throws IOException {
    try (JsonLines lines = JsonLines.open(run(before.size(), before))) {
      for (TrainerState.Log log : logs) {
        lines.logged(log);
      }
    }
  }

  private static TrainerState.Log loss(long step, double loss) {
    return new TrainerState.Log(step, step / 4.0, Map.of("loss", loss, "grad_norm", 2.0));
  }

  @Test
  void writesALineALog() throws IOException {
    write(List.of(), loss(1, 0.5), loss(2, Double.NaN));
    assertThat(Files.readAllLines(folder.resolve("log.jsonl")))
        .containsExactly(
            "{\"step\":1,\"epoch\":0.25,\"grad_norm\":2.0,\"loss\":0.5}",
            "{\"step\":2,\"epoch\":0.5,\"grad_norm\":2.0,\"loss\":null}");
  }

  @Test
  void goesOnBehindTheStepOfTheCheckpoint() throws IOException {
    write(List.of(), loss(1, 1), loss(2, 2), loss(3, 3));
    write(List.of(loss(1, 1), loss(2, 2)), loss(3, 4));
    Path file = folder.resolve("log.jsonl");
    assertThat(Files.readAllLines(file))
        .map(line -> line.replaceAll(".*\"loss\":", ""))
        .containsExactly("1.0}", "2.0}", "4.0}");
  }

  @Test
  void beginsAnewWithTheRun() throws IOException {
    write(List.of(), loss(1, 1), loss(2, 2));
    write(List.of(), loss(1, 3));
    assertThat(Files.readAllLines(folder.resolve("log.jsonl"))).hasSize(1);
  }

  private static Sampled sampled(long step, String... generations) {
    return new Sampled(
        step,
        step / 4.0,
        "greedy",
        Arrays.stream(generations).map(it -> new Sampled.Text(7, "1 + 1 =", it, " 2")).toList());
  }

  private void sample(long after, Sampled... all) throws IOException {
    sample(after, List.of(), all);
  }

  private void sample(long after, List<TrainerState.Log> before, Sampled... all)
      throws IOException {
    try (JsonLines lines = JsonLines.open(run(after, before))) {
      for (Sampled some : all) {
        lines.sampled(some);
      }
    }
  }

  private List<String> samples() throws IOException {
    return Files.readAllLines(folder.resolve("samples.jsonl"));
  }

  @Test
  void writesALineASample() throws IOException {
    sample(0, sampled(2, " 3\n\u001b[31m", " \ud83d"));
    assertThat(samples())
        .containsExactly(
            "{\"step\":2,\"epoch\":0.5,\"row\":7,\"prompt\":\"1 + 1 =\","
                + "\"generation\":\" 3\\n\\u001B[31m\",\"reference\":\" 2\",\"settings\":\"greedy\"}",
            "{\"step\":2,\"epoch\":0.5,\"row\":7,\"prompt\":\"1 + 1 =\","
                + "\"generation\":\" ?\",\"reference\":\" 2\",\"settings\":\"greedy\"}");
  }

  @Test
  void goesOnBehindTheSamplesOfTheCheckpointsStep() throws IOException {
    sample(0, sampled(0, "a"), sampled(2, "b"), sampled(4, "c"));
    byte[] all = Files.readAllBytes(folder.resolve("samples.jsonl"));
    Files.write(folder.resolve("samples.jsonl"), Arrays.copyOf(all, all.length - 20)); // killed
    sample(3, sampled(4, "d"));
    assertThat(samples())
        .map(line -> line.replaceAll(".*\"generation\":\"(.).*", "$1"))
        .containsExactly("a", "b", "d");
    sample(0, sampled(0, "e"));
    assertThat(samples()).hasSize(1);
  }

  @Test
  void samplesOfAnEvaluationThatIsMadeAgainAreThereOnce() throws IOException {
    sample(0, sampled(0, "a"), sampled(2, "b"));
    sample(2, sampled(2, "c")); // whose checkpoint was written before it evaluated
    TrainerState.Log evaluated = new TrainerState.Log(2, 0.5, Map.of("eval_loss", 1.0));
    sample(2, List.of(loss(1, 1), evaluated), sampled(4, "d"));
    assertThat(samples())
        .map(line -> line.replaceAll(".*\"generation\":\"(.).*", "$1"))
        .containsExactly("a", "c", "d");
  }
}
