package dev.fluxtune.app.watch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tests {@link JsonLines}. */
class JsonLinesTest {
  @TempDir Path folder;

  private void write(List<TrainerState.Log> before, TrainerState.Log... logs) throws IOException {
    try (JsonLines lines = JsonLines.open(new WatchedRun(folder, before, "", "{}"))) {
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
}
