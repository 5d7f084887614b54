package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The page, the report and the comparison of real runs, at reduced size. */
class ReportRunTest extends TinyRuns {
  private static JsonNode shown(Path report) throws IOException {
    String text = Files.readString(report);
    String begin = "id=\"data\">";
    int from = text.indexOf(begin) + begin.length();
    return new ObjectMapper().readTree(text.substring(from, text.indexOf('<', from)));
  }

  @Test
  void eachRunLeavesAReportOfAllItsSteps() throws IOException {
    tiny.whole(output, "max_steps", 9, "eval_strategy", "steps", "eval_steps", 3);
    JsonNode run = shown(output.resolve("report.html")).get(0);

    assertThat(run.at("/status/state").asText()).isEqualTo("finished");
    assertThat(run.at("/points/items")).hasSize(9);
    assertThat(run.at("/points/items/8/0").asLong()).isEqualTo(9);
    assertThat(run.at("/evaluations/items")).hasSize(3);
    assertThat(run.at("/sampled/items")).hasSize(4); // before the first step too
    assertThat(run.at("/facts/plan/steps").asLong()).isEqualTo(9);
    assertThat(run.at("/facts/settings/max_steps").asText()).isEqualTo("9");
    assertThat(run.at("/facts/environment/3/0").asText()).isEqualTo("PyTorch");
    JsonNode chunks = run.at("/chunks/items");
    assertThat(chunks).hasSize(4);
    assertThat(chunks.at("/0/tokens").asLong()).isEqualTo(24);
    assertThat(chunks.at("/0/documents").toString()).contains(" = ");
  }

  @Test
  void oneThatGoesOnReportsFromTheFirstStep() throws IOException {
    Object[] settings = {"max_steps", 9, "save_steps", 4, "resume_from_checkpoint", true};
    tiny.whole(output, settings);
    TinyRun.backTo(output, 4);
    tiny.whole(output, settings);
    JsonNode run = shown(output.resolve("report.html")).get(0);
    assertThat(run.at("/points/items")).hasSize(9);
    assertThat(run.at("/points/items/0/0").asLong()).isEqualTo(1);
    assertThat(run.at("/status/first").asLong()).isEqualTo(4);
  }

  @Test
  void aPageChangesNothingOfWhatIsTrained() throws IOException {
    Object[] plain = {"max_steps", 5};
    Object[] served = {"max_steps", 5, "report_to", "page", "page_port", 0};
    tiny.whole(output, plain);
    CommandRun run = tiny.whole(folder.resolve("served"), served);
    assertThat(run.err())
        .containsPattern("page: http://127\\.0\\.0\\.1:\\d+/")
        .doesNotContain("report_to:"); // no observer failed or was left waiting
    assertThat(TinyRun.weights(folder.resolve("served"))).isEqualTo(TinyRun.weights(output));
  }

  @Test
  void comparesRunsByWhatTheyLeft() throws IOException {
    tiny.whole(output, "max_steps", 6, "run_name", "</script><script>alert(1)");
    Path other = folder.resolve("other");
    tiny.whole(other, "max_steps", 4, "learning_rate", 1e-3);
    Path report = folder.resolve("compare.html");
    CommandRun compare =
        CommandRun.of(folder.resolve("cache"), "compare", output, other, "--output", report);
    assertThat(compare.code()).as(compare.err()).isZero();
    assertThat(compare.out()).isEqualTo(report + "\n");

    assertThat(Files.readString(report)).doesNotContain("<script>alert");
    JsonNode runs = shown(report);
    assertThat(runs).hasSize(2);
    assertThat(runs.at("/0/points/items")).hasSize(6);
    assertThat(runs.at("/1/points/items")).hasSize(4);
    assertThat(runs.at("/1/facts/name").asText()).isEqualTo("other");
    assertThat(runs.at("/0/facts/settings/learning_rate").asText()).isEqualTo("0.002");
    assertThat(runs.at("/1/facts/settings/learning_rate").asText()).isEqualTo("0.001");
  }

  @Test
  void comparesNoFolderThatHoldsNoRun() {
    CommandRun.of(folder.resolve("cache"), "compare", folder)
        .refused(folder + ": holds no run: it has no config.yaml", "output_dir");
  }

  @Test
  void oneThatFailedReportsWhy() throws IOException {
    tiny.run(output, "model_name_or_path", SmallModel.in(folder.resolve("model")))
        .refused("vocab_size");
    JsonNode status = shown(output.resolve("report.html")).get(0).path("status");
    assertThat(status.path("state").asText()).isEqualTo("failed");
    assertThat(status.path("why").asText()).contains("100", "vocab_size", "tokenizer");
  }

  @Test
  void oneWhoseModelCannotBeWrittenFailedAndReportsWhy() throws IOException {
    Files.createDirectories(output.resolve("config.json/full"));
    tiny.run(output, "max_steps", 1, "save_strategy", "no").refused("model could not be written");
    JsonNode status = shown(output.resolve("report.html")).get(0).path("status");
    assertThat(status.path("state").asText()).isEqualTo("failed");
    assertThat(status.path("why").asText()).contains("model could not be written");
  }

  @Test
  void aReportThatCannotBeWrittenIsNamed() throws IOException {
    Path inTheWay = output.resolve("report.html");
    Files.createDirectories(inTheWay.resolve("full"));
    CommandRun run = tiny.whole(output, "max_steps", 1, "report_to", "page", "page_port", 0);
    assertThat(run.err())
        .contains(inTheWay + " cannot be written", "pipeline compare " + output + " --output")
        .doesNotContain("report_to:");
  }

  private CommandRun compare(Path... runs) {
    List<Object> arguments = new ArrayList<>(List.of("compare"));
    arguments.addAll(List.of(runs));
    arguments.addAll(List.of("--output", folder.resolve("compare.html")));
    return CommandRun.of(folder.resolve("cache"), arguments.toArray());
  }

  @Test
  void comparesNoRunWithItself() throws IOException {
    tiny.whole(output, "max_steps", 1);
    compare(output, output).refused(output + ": is given twice");
    compare(output, folder.resolve("rows/../out")).refused("out: is given twice");
    assertThat(folder.resolve("compare.html")).doesNotExist();
  }

  @Test
  void saysOfARunThatItHasNotEnded() throws IOException {
    tiny.whole(output, "max_steps", 3);
    assertThat(compare(output).err()).isEmpty();
    Files.delete(output.resolve("model.safetensors"));
    CommandRun compare = compare(output);
    assertThat(compare.code()).isZero();
    assertThat(compare.err())
        .startsWith("note: " + output + ": holds no model")
        .contains("has not ended", "up to step 3");
  }
}
