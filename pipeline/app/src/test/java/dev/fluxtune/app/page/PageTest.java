package dev.fluxtune.app.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.app.config.ConfigParser;
import dev.fluxtune.app.config.Flag;
import dev.fluxtune.app.watch.Observer;
import dev.fluxtune.app.watch.WatchedRun;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PageTest {
  private static final int I = Chunk.IGNORED;

  @TempDir Path folder;
  private final List<String> told = new ArrayList<>();

  private static String letters(int... ids) {
    return new String(ids, 0, ids.length);
  }

  private Page page(long after, List<TrainerState.Log> before, String... reportTo) {
    List<Flag> flags = new ArrayList<>(List.of(new Flag("page_port", List.of("0"))));
    if (reportTo.length > 0) {
      flags.add(new Flag("report_to", List.of(reportTo)));
    }
    RunConfig.Output wanted =
        ConfigParser.parse(Optional.empty(), flags, List.of(), Optional.empty()).config().output();
    return Page.open(
        Made.facts("run", folder),
        new WatchedRun(folder, after, before, "", ""),
        Optional.of(PageTest::letters),
        wanted,
        told::add);
  }

  private JsonNode report() throws IOException {
    String text = Files.readString(folder.resolve("report.html"));
    String begin = "id=\"data\">";
    int from = text.indexOf(begin) + begin.length();
    return new ObjectMapper().readTree(text.substring(from, text.indexOf('<', from))).get(0);
  }

  @Test
  void leavesAReportOfWhatHappened() throws IOException {
    Page page = page(0, List.of());
    page.sampled(Made.sampled(0, "text"));
    page.happened(Made.step(1, 3));
    page.happened(Made.step(2, 2));
    page.logged(Made.evaluation(2, 2.5));
    page.happened(new RunEvent.Saved(2, 0.04, folder, Duration.ZERO));
    page.happened(new RunEvent.End(2, false));
    page.close();

    JsonNode report = report();
    assertThat(report.at("/points/items")).hasSize(2);
    assertThat(report.at("/points/items/1/8").asDouble()).as("host memory, GiB").isPositive();
    assertThat(report.at("/evaluations/items/0/eval_loss").asDouble()).isEqualTo(2.5);
    assertThat(report.at("/sampled/items/0/texts/0/prompt").asText()).isEqualTo("text");
    assertThat(report.at("/status/state").asText()).isEqualTo("finished");
    assertThat(report.at("/status/saved").asLong()).isEqualTo(2);
    assertThat(report.at("/facts/plan/steps").asLong()).isEqualTo(100);
    assertThat(report.at("/facts/ledger/trained").asLong()).isEqualTo(600);
    assertThat(told).isEmpty();
  }

  @Test
  void sayingHowItEnded() throws IOException {
    Page stopped = page(0, List.of());
    stopped.happened(new RunEvent.End(1, true));
    stopped.close();
    assertThat(report().at("/status/state").asText()).isEqualTo("stopped");
    Page failed = page(0, List.of());
    failed.happened(Made.step(1, 3));
    failed.close();
    assertThat(report().at("/status/state").asText()).isEqualTo("failed");
  }

  @Test
  void goesOnWithWhatWasThereUpToTheCheckpoint() throws IOException {
    Files.writeString(
        folder.resolve("samples.jsonl"),
        """
        {"step":0,"epoch":0,"row":1,"prompt":"p","generation":"g","reference":"r","settings":"s"}
        {"step":9,"epoch":1,"row":1,"prompt":"p","generation":"g","reference":"r","settings":"s"}
        """);
    TrainerState.Log before = new TrainerState.Log(5, 0.1, Map.of("loss", 4.0));
    Page page = page(5, List.of(before));
    page.happened(Made.step(6, 3));
    page.close();
    assertThat(report().at("/points/items/0/0").asLong()).isEqualTo(5);
    assertThat(report().at("/points/items/1/0").asLong()).isEqualTo(6);
    assertThat(report().at("/sampled/items")).hasSize(1);
  }

  @Test
  void showsTheFirstChunksAsTheyAreTrainedOn() throws IOException {
    Chunk one =
        new Chunk(new int[] {'Q', 'A', 'B', 'C'}, new int[] {I, 'A', I, 'C'}, new int[] {2, 2});
    Chunk other = new Chunk(new int[] {'X', 'Y'}, new int[] {I, 'Y'}, new int[] {2});
    Page page = page(0, List.of());
    for (int i = 0; i < 5; i++) {
      page.reads(Batch.stack(List.of(one, other), OptionalInt.of('0')));
    }
    page.happened(Made.step(1, 3));
    page.close();

    JsonNode chunks = report().at("/chunks/items");
    assertThat(chunks).hasSize(4);
    assertThat(chunks.get(0))
        .hasToString(
            "{\"tokens\":4,\"trained\":2,\"padding\":0,\"documents\":["
                + "{\"tokens\":2,\"trained\":1,\"runs\":[{\"text\":\"Q\",\"trained\":false},{\"text\":\"A\",\"trained\":true}]},"
                + "{\"tokens\":2,\"trained\":1,\"runs\":[{\"text\":\"B\",\"trained\":false},{\"text\":\"C\",\"trained\":true}]}],"
                + "\"whole\":true}");
    assertThat(chunks.at("/1/padding").asLong()).isEqualTo(2);
    assertThat(chunks.at("/1/documents")).hasSize(1);
  }

  @Test
  void servesWhereThatIsWishedAndSaysWhere() throws IOException {
    Page page = page(0, List.of(), "page");
    assertThat(told).singleElement().asString().matches("page: http://127\\.0\\.0\\.1:\\d+/");
    assertThat(page.observers()).hasSize(2);
    for (Observer it : page.observers()) {
      it.close();
    }
  }

  @Test
  void aReportThatCannotBeWrittenIsSaid() throws IOException {
    Page page = page(0, List.of());
    Files.createDirectory(folder.resolve("report.html"));
    Files.createFile(folder.resolve("report.html/file"));
    assertThatThrownBy(page::close)
        .isInstanceOf(BadInputException.class)
        .hasMessageStartingWith(folder.resolve("report.html") + " cannot be written");
  }

  @Test
  void aStepCostsLittle() {
    Page page = page(0, List.of());
    long begin = System.nanoTime();
    for (long step = 1; step <= 20_000; step++) {
      page.happened(Made.step(step, 1));
    }
    long micros = (System.nanoTime() - begin) / 1000 / 20_000;
    assertThat(micros).as("microseconds a step, beside the trainer's thread").isLessThan(500);
  }
}
