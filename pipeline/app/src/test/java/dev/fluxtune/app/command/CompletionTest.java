package dev.fluxtune.app.command;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.app.terminal.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sources the script in a bash and asks it, as bash itself does when Tab is pressed. */
class CompletionTest {
  @TempDir Path folder;
  private Path script;

  @BeforeEach
  void write() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
    new PipelineCommand(new NoActions(), Terminal.plain(stream, stream), Optional.empty())
        .run("completion", "bash");
    script = Files.write(folder.resolve("completion.sh"), out.toByteArray());
  }

  private List<String> bash(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("bash"));
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    List<String> lines =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .toList();
    assertThat(process.waitFor()).as(String.join("\n", lines)).isZero();
    return lines;
  }

  /** What is offered for the last word of the line. */
  private List<String> offered(String... words) throws IOException, InterruptedException {
    String line =
        "source '%s'; compopt() { :; }; COMP_WORDS=(%s); COMP_CWORD=%d; _pipeline; printf '%%s\\n' \"${COMPREPLY[@]}\""
            .formatted(script, "'" + String.join("' '", words) + "'", words.length - 1);
    return bash("-c", line).stream().map(String::strip).toList();
  }

  @Test
  void isAScriptThatBashAccepts() throws Exception {
    assertThat(bash("-n", script.toString())).isEmpty();
    assertThat(bash("-c", "source '" + script + "'; complete -p pipeline"))
        .singleElement()
        .satisfies(it -> assertThat(it).contains("-F _pipeline", "pipeline"));
  }

  @ParameterizedTest
  @CsvSource({
    "pa,pack",
    "pl,plan",
    "insp,inspect",
    "gen,generate",
    "compa,compare",
    "comple,completion",
  })
  void completesSubcommands(String begun, String whole) throws Exception {
    assertThat(offered("pipeline", begun)).containsExactly(whole);
  }

  @Test
  void completesFlagsOfASubcommand() throws Exception {
    assertThat(offered("pipeline", "pack", "--packing_s")).containsExactly("--packing_strategy");
    assertThat(offered("pipeline", "pack", "--seed", "1", "--conf")).containsExactly("--config");
    assertThat(offered("pipeline", "plan", "--js")).containsExactly("--json");
    assertThat(offered("pipeline", "pack", "--js")).containsExactly("");
    assertThat(offered("pipeline", "generate", "--max_n")).containsExactly("--max_new_tokens");
    assertThat(offered("pipeline", "generate", "--do_s")).containsExactly("--do_sample");
  }

  @Test
  void completesChoices() throws Exception {
    assertThat(offered("pipeline", "pack", "--packing_strategy", "bfd"))
        .containsExactly("bfd", "bfd_split");
    assertThat(offered("pipeline", "pack", "--use_peft", "t")).containsExactly("true");
    assertThat(offered("pipeline", "run", "--report_to", "t")).containsExactly("tensorboard");
    assertThat(offered("pipeline", "completion", "z")).containsExactly("zsh");
  }

  @Test
  void completesChoicesBehindAnEqualsSignWhichBashTakesForAWord() throws Exception {
    assertThat(offered("pipeline", "pack", "--packing_strategy", "=", "bfd_"))
        .containsExactly("bfd_split");
    assertThat(offered("pipeline", "pack", "--seed", "=", "1", "--tail", "="))
        .containsExactly("drop", "keep", "pad");
  }

  @Test
  void completesFlagsBehindABareBooleanAndItsNegation() throws Exception {
    assertThat(offered("pipeline", "run", "--packing", "--lear"))
        .containsExactly("--learning_rate");
    assertThat(offered("pipeline", "run", "--no_pa")).containsExactly("--no_packing");
  }

  @Test
  void completesFiles() throws Exception {
    Files.createFile(folder.resolve("rows.jsonl"));
    assertThat(offered("pipeline", "pack", "--dataset_name", "ro")).containsExactly("rows.jsonl");
    assertThat(offered("pipeline", "pack", "--config", "ro")).containsExactly("rows.jsonl");
  }

  private static final class NoActions implements Actions {
    @Override
    public void run(Resolved run) {
      throw new AssertionError("run was run");
    }

    @Override
    public void generate(Resolved run, Generation asked) {
      throw new AssertionError("generate was run");
    }

    @Override
    public void compare(Terminal terminal, List<Path> runs, Path report) {
      throw new AssertionError("compare was run");
    }

    @Override
    public void merge(Resolved run, Path adapter) {
      throw new AssertionError("merge was run");
    }

    @Override
    public void pack(Resolved run) {
      throw new AssertionError("pack was run");
    }

    @Override
    public void plan(Resolved run, Planning asked) {
      throw new AssertionError("plan was run");
    }

    @Override
    public void inspect(Resolved run, long first, long count, boolean plain) {
      throw new AssertionError("inspect was run");
    }
  }
}
