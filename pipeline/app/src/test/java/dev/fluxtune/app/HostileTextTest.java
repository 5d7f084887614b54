package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.app.command.PipelineCommand;
import dev.fluxtune.app.terminal.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Rows that hold what acts on a terminal, and lines of a megabyte. */
class HostileTextTest extends TinyRuns {
  private static final String ESCAPES = "\u001b[2J\u001b]0;x\u0007\u009b31m\u202eabc\r";
  private static final ObjectMapper JSON = new ObjectMapper();

  private static String row(String prompt, String completion) throws IOException {
    return JSON.writeValueAsString(
        JSON.createObjectNode().put("prompt", prompt).put("completion", completion));
  }

  private static void assertHarmless(String printed) {
    assertThat(printed).doesNotContainPattern("[\\p{Cc}\\u202e&&[^\n\t]]");
    assertThat(printed.lines()).allMatch(line -> line.length() < 5000);
  }

  @Test
  void runsAreWatchedAndChunksInspectedWithoutHarm() throws IOException {
    Files.write(
        tiny.rows().resolve("test.jsonl"),
        List.of(row(ESCAPES, ESCAPES), row("x ".repeat(1 << 19), "1"), row("1 + 1 = ", ESCAPES)));
    Files.write(tiny.rows().resolve("train.jsonl"), List.of(row(ESCAPES, ESCAPES + ESCAPES)));
    Object[] settings = {
      "max_length", 128, "tail", "keep", "max_steps", 1, "eval_strategy", "steps", "eval_steps", 1
    };
    CommandRun run = tiny.whole(output, settings);
    assertHarmless(run.out());
    assertHarmless(run.err());
    assertThat(run.out()).contains("\\u001b[2J");
    List<String> samples = Files.readAllLines(output.resolve("samples.jsonl"));
    assertThat(samples).hasSize(4); // of two prompts: one fits into no chunk
    for (int i = 0; i < samples.size(); i++) {
      assertThat(JSON.readTree(samples.get(i)).path("row").asInt()).isEqualTo(i % 2 == 0 ? 1 : 3);
      assertThat(JSON.readTree(samples.get(i)).path("reference").asText()).startsWith(ESCAPES);
    }
    CommandRun shown = tiny.call("inspect", output, "max_length", 128, "tail", "keep");
    assertThat(shown.code()).as(shown.err()).isZero();
    assertHarmless(shown.out());
    assertThat(shown.out()).contains("\\u001b[2J");
  }

  @Test
  void errorsShowTheRowAndNoMore() throws IOException {
    String column = ESCAPES + "y".repeat(40_000);
    Path rows = folder.resolve("bad.jsonl");
    Files.write(
        rows,
        List.of(
            row("1", "2"),
            JSON.writeValueAsString(
                JSON.createObjectNode().put("completion", "3").put(column, "4"))));
    CommandRun run = tiny.run(output, "dataset_name", rows);
    run.refused("bad.jsonl:2: column prompt is missing", "\\u001b[2J", "characters more");
    assertHarmless(run.err());
    CommandRun skipped = tiny.run(output, "dataset_name", rows, "on_bad_row", "skip");
    assertThat(skipped.err()).contains("skipped 1 bad row");
    assertHarmless(skipped.err());
  }

  @Test
  void generationsOnATerminalStayJson() throws IOException {
    tiny.whole(output, "max_steps", 1, "save_strategy", "no");
    Path rows = Files.write(folder.resolve("asked.jsonl"), List.of(row(ESCAPES, ESCAPES)));
    String shown = generated(true, "--dataset_name", rows.toString());
    assertHarmless(shown);
    assertThat(JSON.readTree(shown).path("prompt").asText()).isEqualTo(ESCAPES);
    assertThat(JSON.readTree(shown))
        .isEqualTo(JSON.readTree(generated(false, "--dataset_name", rows.toString())));
    String[] prompts = {"--prompt", ESCAPES, "--prompt", "1 + 1 = "};
    assertHarmless(generated(true, prompts));
    assertThat(generated(false, prompts)).contains(ESCAPES);
  }

  private String generated(boolean terminal, String... asked) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream text = new PrintStream(out, true, StandardCharsets.UTF_8);
    String[] arguments = {
      "generate", "--model_name_or_path", output.toString(), "--max_new_tokens", "4"
    };
    String[] all = Stream.of(arguments, asked).flatMap(Arrays::stream).toArray(String[]::new);
    int code =
        new PipelineCommand(
                new Pipeline(new Cache(folder.resolve("cache"))),
                new Terminal(text, text, terminal, false, false, 80),
                Optional.of(Configs.HOME))
            .run(all);
    String printed = out.toString(StandardCharsets.UTF_8);
    assertThat(code).as(printed).isZero();
    return printed;
  }
}
