package dev.fluxtune.app.page;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.app.watch.Sampled;
import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeftRunTest {
  private static final String SAMPLE =
      """
      {"step":0,"epoch":0.0,"row":1,"prompt":"p","generation":"g0","reference":"r","settings":"greedy"}
      {"step":0,"epoch":0.0,"row":2,"prompt":"q","generation":"h0","reference":"s","settings":"greedy"}
      {"step":5,"epoch":0.5,"row":1,"prompt":"p","generation":"g5","reference":"r","settings":"greedy"}
      """;

  @TempDir Path folder;

  private Path run(String name, String config, String log) throws IOException {
    Path run = Files.createDirectories(folder.resolve(name));
    Files.writeString(run.resolve("config.yaml"), config);
    Files.writeString(run.resolve("log.jsonl"), log);
    return run;
  }

  private JsonNode compared(Path... runs) throws IOException {
    Path report = folder.resolve("report.html");
    LeftRun.compare(List.of(runs), report, told -> {});
    String text = Files.readString(report);
    String begin = "id=\"data\">";
    int from = text.indexOf(begin) + begin.length();
    return new ObjectMapper().readTree(text.substring(from, text.indexOf('<', from)));
  }

  private void refused(Path run, String... parts) {
    assertThatThrownBy(
            () -> LeftRun.compare(List.of(run), folder.resolve("report.html"), told -> {}))
        .isInstanceOf(BadInputException.class)
        .hasMessageContainingAll(parts);
    assertThat(folder.resolve("report.html")).doesNotExist();
  }

  @Test
  void readsSettingsLogsAndSamplesOfEachRun() throws IOException {
    Path full =
        run(
            "full",
            "# Model\nlearning_rate: 2.0e-05\nreport_to: []\nrun_name: null\n",
            """
            {"step":5,"epoch":0.5,"loss":2.5,"learning_rate":0.001}
            {"step":5,"epoch":0.5,"eval_loss":2.25}
            {"step":10,"epoch":1.0,"loss":null}
            """);
    Files.writeString(full.resolve("samples.jsonl"), SAMPLE);
    Path lora = run("lora", "learning_rate: 0.001\n", "{\"step\":1,\"epoch\":0.1,\"loss\":3.0}\n");

    JsonNode runs = compared(full, lora);
    assertThat(runs).hasSize(2);
    JsonNode facts = runs.get(0).path("facts");
    assertThat(facts.path("name").asText()).isEqualTo("full");
    assertThat(facts.path("settings"))
        .hasToString("{\"learning_rate\":\"2.0E-5\",\"report_to\":\"[]\",\"run_name\":\"null\"}");
    JsonNode points = runs.at("/0/points/items");
    assertThat(points).hasSize(2);
    assertThat(points.at("/0/2").asDouble()).isEqualTo(2.5);
    assertThat(points.at("/1/0").asLong()).isEqualTo(10);
    assertThat(points.at("/1/2").isNull()).as("a loss that is no number").isTrue();
    assertThat(runs.at("/0/evaluations/items/0/eval_loss").asDouble()).isEqualTo(2.25);
    assertThat(runs.at("/0/sampled/items/1/texts/0/generation").asText()).isEqualTo("g5");
    assertThat(runs.at("/0/status/state").asText()).isEqualTo("ended");
    assertThat(runs.at("/1/facts/name").asText()).isEqualTo("lora");
    assertThat(runs.at("/1/sampled/items")).isEmpty();
  }

  @Test
  void foldersOfOneNameAreToldApartByTheirPaths() throws IOException {
    String log = "{\"step\":1,\"epoch\":0.1,\"loss\":3.0}\n";
    Path one = run("a/out", "seed: 1\n", log);
    Path other = run("b/out", "seed: 2\n", log);
    JsonNode runs = compared(one, other);
    assertThat(runs.at("/0/facts/name").asText()).isEqualTo(one.toString());
    assertThat(runs.at("/1/facts/name").asText()).isEqualTo(other.toString());
  }

  @Test
  void samplesOfAStepBelongTogether() throws IOException {
    Path run = run("run", "seed: 1\n", "");
    Files.writeString(run.resolve("samples.jsonl"), SAMPLE);
    List<Sampled> sampled = LeftRun.samples(run);
    assertThat(sampled).hasSize(2);
    assertThat(sampled.get(0).texts()).hasSize(2);
    assertThat(sampled.get(1))
        .isEqualTo(new Sampled(5, 0.5, "greedy", List.of(new Sampled.Text(1, "p", "g5", "r"))));
  }

  @Test
  void aLastLineInTheMakingIsLeftOut() throws IOException {
    Path run = run("run", "seed: 1\n", "{\"step\":1,\"epoch\":0.1,\"loss\":3.0}\n{\"step\":2,\"ep");
    assertThat(compared(run).at("/0/points/items")).hasSize(1);
  }

  @Test
  void refusesWhatIsNoRun() throws IOException {
    refused(folder.resolve("nowhere"), "nowhere: holds no run", "config.yaml", "output_dir");
    Path model = Files.createDirectory(folder.resolve("model"));
    Files.writeString(model.resolve("config.yaml"), "seed: 1\n");
    refused(model, "model: holds no run", "log.jsonl");
    refused(run("empty", "seed: 1\n", ""), "empty", "has logged nothing");
    refused(run("broken", "seed: 1\n", "{\"step\":1}\nno JSON\n{}\n"), "log.jsonl:2 is no JSON");
    refused(run("list", "- 1\n", "{\"step\":1,\"loss\":1}\n"), "config.yaml: holds no keys");
    refused(run("odd", "a: [\n", "{\"step\":1,\"loss\":1}\n"), "config.yaml: is no YAML");
    refused(
        run("code", "a: !!java.net.URL [http://x]\n", "{\"step\":1,\"loss\":1}\n"), "is no YAML");
  }

  @Test
  void aLastLineThatEndsInsideACharacterIsLeftOut() throws IOException {
    Path run = run("run", "seed: 1\n", "");
    byte[] begun = SAMPLE.concat("{\"step\":9,\"prompt\":\"\u00e9").getBytes(UTF_8);
    Files.write(run.resolve("samples.jsonl"), Arrays.copyOf(begun, begun.length - 1));
    assertThat(LeftRun.samples(run)).hasSize(2);
  }
}
