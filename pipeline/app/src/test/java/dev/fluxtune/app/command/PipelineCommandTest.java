package dev.fluxtune.app.command;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.app.config.Key;
import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.schemas.BadInputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PipelineCommandTest {
  @TempDir Path folder;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final List<String> calls = new ArrayList<>();
  private Optional<RuntimeException> failure = Optional.empty();

  private final Actions actions =
      new Actions() {
        @Override
        public void run(Resolved run) {
          called("run " + run.config().output().dryRun());
        }

        @Override
        public void generate(Resolved run, Generation asked) {
          called(asked.toString());
        }

        @Override
        public void merge(Resolved run, Path adapter) {
          called("merge " + adapter);
        }

        @Override
        public void pack(Resolved run) {
          called("pack " + run.config().chunks().maxLength().orElseThrow());
        }

        @Override
        public void plan(Resolved run, Planning asked) {
          called("plan " + asked.json());
        }

        @Override
        public void inspect(Resolved run, long first, long count, boolean plain) {
          called("inspect " + first + " " + count + " " + plain);
        }

        @Override
        public void compare(Terminal terminal, List<Path> runs, Path report) {
          called("compare " + runs + " " + report);
        }

        private void called(String call) {
          calls.add(call);
          failure.ifPresent(
              it -> {
                throw it;
              });
        }
      };

  private int run(String... arguments) {
    Terminal terminal =
        Terminal.plain(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new PipelineCommand(actions, terminal, Optional.of(folder)).run(arguments);
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void givesTheFileAndItsFlagsToTheAction() throws IOException {
    Path file = Files.writeString(folder.resolve("run.yaml"), "max_length: 512\n");
    assertThat(run("pack", "--config", file.toString())).isZero();
    assertThat(run("pack", "--config=" + file, "--max_length", "64")).isZero();
    assertThat(run("plan", "--json")).isZero();
    assertThat(run("plan")).isZero();
    assertThat(run("inspect", "--chunk", "7", "--count=2", "--plain")).isZero();
    assertThat(run("inspect")).isZero();
    assertThat(calls)
        .containsExactly(
            "pack 512",
            "pack 64",
            "plan true",
            "plan false",
            "inspect 7 2 true",
            "inspect 0 1 false");
    assertThat(out()).isEmpty();
  }

  @Test
  void comparesFoldersOfRuns() {
    assertThat(run("compare", "full", "lora")).isZero();
    assertThat(run("compare", "full", "--output", "both.html")).isZero();
    assertThat(calls)
        .containsExactly("compare [full, lora] compare.html", "compare [full] both.html");
  }

  @Test
  void comparesNothingWithoutARun() {
    assertThat(run("compare")).isEqualTo(2);
    assertThat(err()).contains("RUN").doesNotContain("\tat ");
    assertThat(calls).isEmpty();
  }

  @Test
  void printsTheNoticesBesideTheOutput() {
    assertThat(run("pack", "--attn_implementation", "sdpa")).isZero();
    assertThat(err())
        .contains("note: no dataset_name: the embedded rows")
        .contains("note: without effect here: attn_implementation\n");
  }

  @Test
  void endsWith2AndAllProblemsOfTheConfiguration() {
    assertThat(run("pack", "--max_length", "0", "--paking", "--cofnig", "a.yaml")).isEqualTo(2);
    assertThat(err())
        .isEqualTo(
            """
            pipeline: flags: 3 problems
              flag  --max_length  must be at least 1 (got 0)
              flag  --paking      unknown flag; did you mean --packing?
              flag  --cofnig      unknown flag; did you mean --config?
            """);
    assertThat(calls).isEmpty();
  }

  @Test
  void endsWith2ForAWrongCommandLine() {
    assertThat(run("pakc")).isEqualTo(2);
    assertThat(err()).startsWith("pipeline: no subcommand pakc; did you mean pack?\n");
    assertThat(run("pack", "--config")).isEqualTo(2);
    assertThat(err()).contains("--config");
    assertThat(run("inspect", "--chunk", "-1")).isEqualTo(2);
    assertThat(err()).contains("--chunk must be at least 0 (got -1)");
    assertThat(run("inspect", "--count", "many")).isEqualTo(2);
    assertThat(run("--nonsense")).isEqualTo(2);
    assertThat(run("completion", "fish")).isEqualTo(2);
    assertThat(run("completion")).isEqualTo(2);
    assertThat(calls).isEmpty();
    assertThat(out()).isEmpty();
  }

  @Test
  void endsWith1AndTheMessageAloneForBadInput() {
    failure = Optional.of(new BadInputException("rows.jsonl:7: no output"));
    assertThat(run("pack", "--dataset_name", "a", "--packing", "--packing_strategy", "bfd"))
        .isEqualTo(1);
    assertThat(err()).isEqualTo("pipeline: rows.jsonl:7: no output\n");
  }

  @Test
  void findsBadInputInsideTheFailureOfAnotherThread() {
    failure =
        Optional.of(new CompletionException(new BadInputException("rows.jsonl:7: no output")));
    assertThat(run("pack")).isEqualTo(1);
    assertThat(err()).contains("pipeline: rows.jsonl:7: no output\n");
  }

  @Test
  void endsWith3ForABugAndShowsWhereOnlyOnRequest() {
    failure = Optional.of(new IllegalStateException("the ledger does not balance"));
    assertThat(run("pack")).isEqualTo(3);
    assertThat(err())
        .contains("unexpected: java.lang.IllegalStateException: the ledger does not balance\n")
        .doesNotContain("\tat ");
    assertThat(run("pack", "--stacktrace")).isEqualTo(3);
    assertThat(err()).contains("\tat dev.fluxtune.app.command.PipelineCommandTest");
  }

  @Test
  void printsItsVersion() {
    assertThat(run("--version")).isZero();
    assertThat(out()).matches("pipeline \\d+\\.\\S+ \\(Java .+\\)\n");
  }

  @Test
  void showsTheSubcommandsWhereNoneIsGiven() {
    assertThat(run()).isEqualTo(2);
    assertThat(err()).contains("Usage: pipeline", "pack", "plan", "inspect", "completion");
    assertThat(run("--help")).isZero();
    assertThat(out()).contains("Exit codes:", "Pack rows into shards");
  }

  @ParameterizedTest
  @EnumSource(Subcommand.class)
  void explainsItsKeysWithDefaultsIn80Columns(Subcommand subcommand) {
    assertThat(run(subcommand.command(), "--help")).isZero();
    assertThat(out().lines()).allMatch(line -> line.length() <= 80);
    assertThat(out().lines()).allMatch(line -> line.equals(line.stripTrailing()));
    assertThat(out()).doesNotContain("%n");
    assertThat(out()).contains("--config FILE", "--model_name_or_path PATH", "Exit codes:");
    boolean rows = subcommand != Subcommand.MERGE;
    assertThat(out().contains("--dataset_name PATH")).isEqualTo(rows);
    assertThat(out().contains("[42]")).isEqualTo(rows);
    assertThat(out()).doesNotContain("%n", "%%");
    assertThat(out().contains("--[no_]packing")).isEqualTo(subcommand.packs());
    assertThat(Key.all()).allMatch(key -> out().contains(key.name()));
    assertThat(calls).isEmpty();
  }

  @Test
  void helpsWhateverElseIsWrong() {
    assertThat(run("pack", "--max_length", "x", "--help")).isZero();
    assertThat(out()).contains("Usage: pipeline pack");
  }

  @Test
  void readsHowToGenerate() {
    assertThat(run("generate", "--prompt", "--a b", "--prompt=@c", "--max-new-tokens", "3"))
        .isZero();
    assertThat(run("generate", "--do_sample", "--top_k", "0", "--seed", "1", "--top_p=.5"))
        .isZero();
    assertThat(run("generate", "--do_sample", "false", "--temperature", "2")).isZero();
    assertThat(run("generate", "--no_do_sample", "--repetition_penalty", "1.1")).isZero();
    assertThat(calls)
        .containsExactly(
            generation(List.of("--a b", "@c"), 3, "", "", "", "", ""),
            generation(List.of(), 256, "true", "", "0", "0.5", ""),
            generation(List.of(), 256, "false", "2.0", "", "", ""),
            generation(List.of(), 256, "false", "", "", "", "1.1"));
    assertThat(err()).as("nothing is packed, and no embedded rows are taken").isEmpty();
  }

  @Test
  void mergeNeedsAnAdapter() {
    assertThat(run("merge", "--adapter", "lora", "--output_dir", "merged")).isZero();
    assertThat(calls).containsExactly("merge lora");
    assertThat(err()).as("no embedded model is taken").isEmpty();
    assertThat(run("merge", "--output_dir", "merged")).isEqualTo(2);
    assertThat(err()).contains("merge needs --adapter");
  }

  private static String generation(List<String> prompts, int most, String... values) {
    List<Optional<String>> all =
        List.of(values).stream().map(Optional::of).map(it -> it.filter(v -> !v.isEmpty())).toList();
    return new Generation(
            prompts,
            most,
            all.get(0).map(Boolean::valueOf),
            all.get(1).map(Double::valueOf),
            all.get(2).map(Integer::valueOf),
            all.get(3).map(Double::valueOf),
            all.get(4).map(Double::valueOf))
        .toString();
  }

  @Test
  void endsWith2ForAWayOfGeneratingThatCannotBe() {
    assertThat(run("generate", "--top_p", "1.5")).isEqualTo(2);
    assertThat(err()).contains("--top_p must be above 0 and at most 1 (got 1.5)");
    assertThat(run("generate", "--max_new_tokens", "0")).isEqualTo(2);
    assertThat(run("generate", "--temperature", "0")).isEqualTo(2);
    assertThat(run("generate", "--repetition_penalty", "0")).isEqualTo(2);
    assertThat(run("generate", "--top_k", "-1")).isEqualTo(2);
    assertThat(run("generate", "--top_k", "many")).isEqualTo(2);
    assertThat(calls).isEmpty();
  }

  @Test
  void refusesAnEmptyNameWhichIsAnUnsetVariable() {
    for (String key :
        List.of("dataset_name", "model_name_or_path", "tokenizer_name_or_path", "output_dir")) {
      assertThat(run("pack", "--" + key, "")).isEqualTo(2);
      assertThat(err()).contains("--" + key + "  is empty (an unset variable?)");
    }
    assertThat(run("pack", "--config", "")).isEqualTo(2);
    assertThat(err()).contains("--config is empty");
    assertThat(run("pack", "--config", folder.toString())).isEqualTo(2);
    assertThat(err()).contains(folder + " is a folder; give a YAML file");
    assertThat(calls).isEmpty();
  }

  @Test
  void endsWith1WhereItsOutputCannotBeWritten() {
    PrintStream full =
        new PrintStream(
            new OutputStream() {
              @Override
              public void write(int b) throws IOException {
                throw new IOException("No space left on device");
              }
            },
            true,
            StandardCharsets.UTF_8);
    Terminal terminal = Terminal.plain(full, new PrintStream(err, true, StandardCharsets.UTF_8));
    assertThat(new PipelineCommand(actions, terminal, Optional.empty()).run("--version"))
        .isEqualTo(1);
    assertThat(err()).startsWith("pipeline: the output could not be written");
  }

  @Test
  void saysWhatAnOutOfMemoryOfAnotherThreadNeeds() {
    failure = Optional.of(new CompletionException(new OutOfMemoryError("Java heap space")));
    assertThat(run("pack")).isEqualTo(3);
    assertThat(err())
        .endsWith("pipeline: out of memory (Java heap space); more: FLUXTUNE_JAVA_OPTS=-Xmx2g\n");
  }

  @Test
  void aNativeLibraryThatCannotBeUnpackedNamesTheFolder() {
    Throwable noRoom = new ExceptionInInitializerError("Cannot unpack libzstd-jni: No space left");
    Throwable noexec = new UnsatisfiedLinkError("failed to map segment from shared object");
    for (Throwable cause : List.of(noRoom, noexec)) {
      assertThat(PipelineCommand.why(new IllegalStateException("writing failed", cause)))
          .contains(cause.getMessage())
          .contains(System.getProperty("java.io.tmpdir"))
          .contains("FLUXTUNE_JAVA_OPTS=-Djava.io.tmpdir=FOLDER");
    }
  }
}
