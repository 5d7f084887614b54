package dev.fluxtune.app.watch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.app.watch.WandbRecords.Message;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tests {@link Wandb}; {@code tests/parity/read_wandb.py} has W&B's own client upload a run. */
class WandbTest {
  private static final String KEY = "0123456789abcdef0123456789abcdef01234567";

  @TempDir Path folder;
  private final List<String> told = new ArrayList<>();
  private final Map<String, String> environment = new HashMap<>(Map.of("WANDB_API_KEY", KEY));
  private List<TrainerState.Log> before = List.of();

  @BeforeEach
  void aName() {
    environment.put("WANDB_RUN_ID", "run1");
  }

  private Optional<Wandb> open() {
    return Wandb.open(
        new WatchedRun(
            folder,
            0,
            before,
            "learning_rate: 2.0E-5\nrun_name: mine\nlora_target_modules: [q_proj]\nmax_steps: -1\n",
            "{\"model_type\": \"llama\", \"rms_norm_eps\": 1e-05, \"max_steps\": 7}"),
        environment,
        told::add);
  }

  private List<Message> written(Object... news) throws IOException {
    try (Wandb run = open().orElseThrow()) {
      for (Object it : news) {
        if (it instanceof TrainerState.Log log) {
          run.logged(log);
        } else {
          run.happened((RunEvent) it);
        }
      }
    }
    return WandbRecords.read(Files.readAllBytes(file(folder)));
  }

  private static Path file(Path under) throws IOException {
    try (Stream<Path> files = Files.walk(under)) {
      return files.filter(it -> it.toString().endsWith(".wandb")).findFirst().orElseThrow();
    }
  }

  private static List<Message> of(int kind, List<Message> records) {
    return records.stream().filter(it -> it.has(kind)).map(it -> it.message(kind)).toList();
  }

  private static TrainerState.Log log(long step, Map<String, Double> values) {
    return new TrainerState.Log(step, step / 4.0, values);
  }

  @Test
  void liesWhereWandbSyncLooks() throws IOException {
    written();
    Path file = file(folder);
    assertThat(folder.relativize(file).toString())
        .matches("wandb/offline-run-\\d{8}_\\d{6}-run1/run-run1\\.wandb");
    assertThat(file.resolveSibling("files")).isDirectory();
    assertThat(told).containsExactly("to upload the run to W&B: wandb sync " + file.getParent());
  }

  @Test
  void beginsWithTheRunAndItsConfiguration() throws IOException {
    List<Message> records = written();
    assertThat(records.get(0).message(21).message(1).texts(2)).containsExactly("0.70.0");
    Message run = records.get(1).message(17);
    assertThat(run.text(1)).isEqualTo("run1");
    assertThat(run.text(3)).isEqualTo("huggingface");
    assertThat(run.text(8)).isEqualTo("mine");
    assertThat(run.message(17).number(1)).isGreaterThan(1_700_000_000);
    assertThat(run.message(4).items(1))
        .containsEntry("learning_rate", "2.0E-5")
        .containsEntry("lora_target_modules", "[\"q_proj\"]")
        .containsEntry("model_type", "\"llama\"")
        .containsEntry("rms_norm_eps", "1.0E-5")
        .containsEntry("max_steps", "-1");
  }

  @Test
  void takesItsNamesFromTheEnvironment() throws IOException {
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    environment.put("WANDB_DIR", elsewhere.toString());
    environment.put("WANDB_PROJECT", "blog");
    environment.put("WANDB_NAME", "first");
    environment.put("WANDB_ENTITY", "team");
    environment.put("WANDB_RUN_GROUP", "group");
    environment.put("WANDB_NOTES", "why");
    environment.put("WANDB_TAGS", "lora, 7b,");
    open().orElseThrow().close();
    Message run = of(17, WandbRecords.read(Files.readAllBytes(file(elsewhere)))).get(0);
    assertThat(List.of(run.text(2), run.text(3), run.text(6), run.text(8), run.text(9)))
        .containsExactly("team", "blog", "group", "first", "why");
    assertThat(run.texts(10)).containsExactly("lora", "7b");
    assertThat(folder.resolve("wandb")).doesNotExist();
  }

  @Test
  void drawsAnIdAsWandbDoes() throws IOException {
    environment.remove("WANDB_RUN_ID");
    assertThat(of(17, written()).get(0).text(1)).matches("[0-9a-z]{8}");
  }

  @Test
  void refusesAnIdThatCanNameNoRun() {
    environment.put("WANDB_RUN_ID", "../run1");
    assertThatThrownBy(this::open)
        .isInstanceOf(BadInputException.class)
        .hasMessageContainingAll("WANDB_RUN_ID", "../run1");
  }

  @Test
  void saysWhereItCannotWrite() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    environment.put("WANDB_DIR", file.toString());
    assertThatThrownBy(this::open)
        .isInstanceOf(BadInputException.class)
        .hasMessageContainingAll("wandb cannot write in " + file, "set WANDB_DIR");
  }

  @Test
  void eachLogIsARowOfTheHistory() throws IOException {
    List<Message> history =
        of(
            2,
            written(
                log(10, Map.of("loss", 1.5, "grad_norm", Double.NaN)),
                log(10, Map.of("eval_loss", 1.25))));
    assertThat(history).hasSize(2);
    assertThat(history.get(0).items(1))
        .containsEntry("train/loss", "1.5")
        .containsEntry("train/grad_norm", "NaN")
        .containsEntry("train/epoch", "2.5")
        .containsEntry("train/global_step", "10")
        .containsEntry("_step", "0")
        .containsKeys("_timestamp", "_runtime");
    assertThat(history.get(1).items(1))
        .containsEntry("eval/loss", "1.25")
        .containsEntry("train/global_step", "10")
        .containsEntry("_step", "1")
        .doesNotContainKey("train/loss");
    assertThat(history).map(it -> it.message(2).number(1)).containsExactly(0L, 1L);
  }

  @Test
  void curvesGoOverTheSteps() throws IOException {
    List<Message> metrics =
        of(12, written(log(1, Map.of("loss", 1.0)), log(2, Map.of("loss", 1.0, "eval_loss", 2.0))));
    assertThat(metrics.get(0).text(1)).isEqualTo("train/global_step");
    assertThat(metrics.get(1).text(2)).isEqualTo("*");
    assertThat(metrics.subList(2, metrics.size()))
        .map(it -> it.text(1))
        .containsExactly("train/epoch", "train/loss", "eval/loss");
    assertThat(metrics.subList(1, metrics.size()))
        .map(it -> it.text(4))
        .containsOnly("train/global_step");
  }

  @Test
  void theSummaryHoldsTheLatest() throws IOException {
    List<Message> summaries =
        of(3, written(log(1, Map.of("loss", 1.0)), log(2, Map.of("loss", 0.5))));
    assertThat(summaries.get(1).items(1))
        .containsEntry("train/loss", "0.5")
        .containsEntry("train/global_step", "2")
        .containsKey("_wandb.runtime");
  }

  @Test
  void endsAsTheRunDid() throws IOException {
    assertThat(exitCode(new RunEvent.End(4, false))).isEqualTo(0);
    assertThat(exitCode(new RunEvent.End(3, true))).isEqualTo(255);
    assertThat(exitCode(log(1, Map.of()))).as("it failed").isEqualTo(1);
    assertThat(exitCode("no space")).as("it failed at its end").isEqualTo(1);
  }

  private long exitCode(Object last) throws IOException {
    environment.put("WANDB_RUN_ID", "run" + told.size());
    try (Wandb run = open().orElseThrow()) {
      if (last instanceof RunEvent it) {
        run.happened(it);
      } else if (last instanceof String why) {
        run.happened(new RunEvent.End(4, false));
        run.failed(why);
      }
    }
    Path ended = Path.of(told.get(told.size() - 1).replaceFirst(".* ", ""));
    List<Message> records = WandbRecords.read(Files.readAllBytes(file(ended)));
    return records.get(records.size() - 1).message(18).number(1);
  }

  @Test
  void aRunThatIsKilledCanBeReadUpToItsLastLog() throws IOException {
    Wandb run = open().orElseThrow();
    run.logged(log(1, Map.of("loss", 1.0)));
    run.logged(log(2, Map.of("loss", 2.0)));
    List<Message> records = WandbRecords.read(Files.readAllBytes(file(folder)));
    assertThat(of(2, records)).hasSize(2);
    assertThat(of(18, records)).isEmpty();
    run.close();
  }

  @Test
  void historyBeginsWithWhatWasLoggedBefore() throws IOException {
    before = List.of(log(1, Map.of("loss", 3.0)), log(2, Map.of("loss", 2.0)));
    assertThat(of(2, written(log(3, Map.of("loss", 1.0)))))
        .map(it -> it.items(1))
        .map(it -> it.get("_step") + " " + it.get("train/global_step") + " " + it.get("train/loss"))
        .containsExactly("0 1 3.0", "1 2 2.0", "2 3 1.0");
  }

  @Test
  void theEnvironmentSwitchesItOff() {
    for (Map.Entry<String, String> off :
        List.of(Map.entry("WANDB_MODE", "disabled"), Map.entry("WANDB_DISABLED", "true"))) {
      environment.put(off.getKey(), off.getValue());
      assertThat(open()).isEmpty();
      environment.remove(off.getKey());
    }
    assertThat(told).hasSize(2).allMatch(it -> it.contains("wandb writes nothing"));
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void saysThatArtifactsComeLater() throws IOException {
    environment.put("WANDB_LOG_MODEL", "false");
    written();
    assertThat(told).noneMatch(it -> it.contains("WANDB_LOG_MODEL"));
    environment.put("WANDB_LOG_MODEL", "checkpoint");
    environment.put("WANDB_RUN_ID", "run2");
    open().orElseThrow().close();
    assertThat(told).anyMatch(it -> it.contains("WANDB_LOG_MODEL") && it.contains("artifacts yet"));
  }

  @Test
  void noKeyIsWritten() throws IOException {
    written(log(1, Map.of("loss", 1.0)), new RunEvent.End(1, false));
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
            .doesNotContain(KEY);
      }
    }
    assertThat(told).noneMatch(it -> it.contains(KEY));
  }

  /** A file that is closed cannot be written to, as one on a full disk. */
  @Test
  void oneThatEndedEarlyIsSaidToBeIncomplete() throws IOException {
    Wandb run = open().orElseThrow();
    run.logged(log(1, Map.of("loss", 1.0)));
    run.close();
    told.clear();
    assertThatThrownBy(() -> run.logged(log(2, Map.of("loss", 2.0))))
        .isInstanceOf(IOException.class);
    run.close();
    assertThat(told)
        .singleElement()
        .asString()
        .contains("incomplete", "wandb sync " + file(folder).getParent());
  }

  @Test
  void oneThatCannotTellItsEndIsSaidToBeIncomplete() throws IOException {
    Wandb run = open().orElseThrow();
    run.close();
    told.clear();
    assertThatThrownBy(run::close).isInstanceOf(IOException.class);
    assertThat(told).singleElement().asString().contains("incomplete");
  }

  @Test
  void whatToTypeIsQuotedForAShell() throws IOException {
    Path odd = Files.createDirectory(folder.resolve("it's mine"));
    environment.put("WANDB_DIR", odd.toString());
    open().orElseThrow().close();
    String quoted = file(odd).getParent().toString().replace("it's", "it'\\''s");
    assertThat(told).containsExactly("to upload the run to W&B: wandb sync '" + quoted + "'");
  }
}
