package dev.fluxtune.app.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.ShardFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DefaultsTest {
  private static final Path HOME = Path.of("somewhere");
  private static final String ROWS = Path.of("somewhere", "datasets", "tiny-tasks").toString();

  private static Parsed parse(String... flags) {
    return ConfigParser.parse(
        Optional.empty(),
        Arrays.stream(flags)
            .map(it -> it.split("=", 2))
            .map(it -> new Flag(it[0], List.of(it[1])))
            .toList(),
        List.of(),
        Optional.of(HOME));
  }

  @Test
  void takeTheEmbeddedRowsWithTheirTokenizerAndSaySo() {
    Parsed parsed = parse();
    assertThat(parsed.config().data().datasetName()).contains(ROWS);
    assertThat(parsed.config().model().modelNameOrPath()).contains(ROWS);
    assertThat(parsed.config().model().tokenizerNameOrPath())
        .contains(Path.of(ROWS, "tokenizer").toString());
    assertThat(parsed.notices())
        .containsExactly(
            "no dataset_name: the embedded rows, their tokenizer and tiny model, " + ROWS,
            "packing is left out: true (TRL's default is false)",
            "packing_strategy is left out: wrapped (TRL's default is bfd)");
  }

  @Test
  void setNoRowsAsideWhereOthersAreEvaluatedOn() {
    Parsed parsed = parse("test_split_size=0.1", "eval_dataset_name=held.jsonl");
    assertThat(parsed.config().data().testSplitSize()).isEmpty();
    assertThat(parsed.notices())
        .contains("test_split_size is ignored, since eval_dataset_name is given");
    assertThat(parse("test_split_size=0.1").config().data().testSplitSize()).contains(0.1);
  }

  @Test
  void sayWhereLessIsBetterUnlikeForThePeer() {
    assertThat(parse("metric_for_best_model=perplexity").notices())
        .contains(
            "greater_is_better is left out: false for eval_perplexity (transformers' default is"
                + " true)");
    assertThat(parse("metric_for_best_model=eval_loss").notices())
        .noneMatch(it -> it.contains("greater_is_better"));
    assertThat(parse("metric_for_best_model=entropy", "greater_is_better=true").notices())
        .noneMatch(it -> it.contains("greater_is_better"));
  }

  @Test
  void leaveATokenizerOfTheUserAlone() {
    Parsed parsed = parse("tokenizer_name_or_path=mine");
    assertThat(parsed.config().model().modelNameOrPath()).isEmpty();
    assertThat(parsed.config().model().tokenizerNameOrPath()).contains("mine");
    assertThat(parsed.config().data().datasetName()).contains(ROWS);
  }

  @Test
  void giveRowsOfTheUserNoEmbeddedTokenizer() {
    assertThat(parse("dataset_name=rows.jsonl").config().model().tokenizerNameOrPath()).isEmpty();
    assertThat(parse("datasets=[{path: a}]").config().data().datasetName()).isEmpty();
  }

  @Test
  void sayNothingOfPackingThatIsWritten() {
    assertThat(parse("dataset_name=a", "packing=false").notices()).isEmpty();
    assertThat(parse("dataset_name=a", "packing=true", "packing_strategy=bfd").notices()).isEmpty();
  }

  @Test
  void tellOfKeysWhoseSwitchIsForgotten() {
    assertThat(parse("dataset_name=a", "packing=false", "lora_r=8", "lora_alpha=16").notices())
        .containsExactly("without use_peft: true no effect: lora_r, lora_alpha");
    assertThat(parse("dataset_name=a", "packing=false", "use_bnb_nested_quant=true").notices())
        .containsExactly("without load_in_4bit: true no effect: use_bnb_nested_quant");
    for (String written : List.of("true", "false")) {
      assertThat(
              parse("dataset_name=a", "packing=false", "lora_r=8", "use_peft=" + written).notices())
          .isEmpty();
    }
  }

  @Test
  void tellOfRowsToEvaluateOnThatNothingEvaluates() {
    String[] split = {"dataset_name=a", "packing=false", "test_split_size=0.1", "eval_steps=5"};
    assertThat(parse(split).notices())
        .containsExactly(
            "without eval_strategy: epoch or steps nothing is evaluated; given: test_split_size,"
                + " eval_steps");
    for (String written : List.of("no", "epoch")) {
      String[] more = Arrays.copyOf(split, split.length + 1);
      more[split.length] = "eval_strategy=" + written;
      assertThat(parse(more).notices()).isEmpty();
    }
  }

  @Test
  void evaluateAsOftenAsTheyLog() {
    assertThat(parse("eval_strategy=steps").config().output().evalSteps()).contains(10.0);
    assertThat(parse("eval_strategy=steps", "logging_steps=3").config().output().evalSteps())
        .contains(3.0);
    assertThat(parse("eval_strategy=epoch").config().output().evalSteps()).isEmpty();
  }

  @Test
  void readNoneAndFalseAsLeftOut() {
    Parsed parsed = parse("report_to=none", "resume_from_checkpoint=false");
    assertThat(parsed.config().output().reportTo()).isEmpty();
    assertThat(parsed.config().output().resumeFromCheckpoint()).isEmpty();
    assertThat(parse("resume_from_checkpoint=true").config().output().resumeFromCheckpoint())
        .contains("true");
  }

  @Test
  void takeDatasetsBeforeDatasetNameAsThePeerDoes() {
    Parsed parsed = parse("dataset_name=a", "datasets=[{path: b}]");
    assertThat(parsed.config().data().datasetName()).isEmpty();
    assertThat(parsed.notices()).contains("dataset_name is ignored, since datasets is given");
  }

  @Test
  void saysNothingOfPackingWhereTheRowsAreShards(@TempDir Path shards) throws IOException {
    Files.createFile(shards.resolve(ShardFormat.MANIFEST));
    assertThat(notices(shards)).isEmpty();
    assertThat(notices(shards.resolve("rows"))).hasSize(2);
  }

  @Test
  void nameWhatPackedRowsDoNotHeed(@TempDir Path shards) throws IOException {
    Files.createFile(shards.resolve(ShardFormat.MANIFEST));
    assertThat(
            notices(
                shards,
                new Flag("max_length", List.of("64")),
                new Flag("shuffle_dataset", List.of()),
                new Flag("seed", List.of("1"))))
        .containsExactly(
            "the chunks of "
                + shards
                + " are packed already, and stay as they are whatever these say: shuffle_dataset,"
                + " max_length");
  }

  private static List<String> notices(Path rows, Flag... more) {
    List<Flag> flags = new ArrayList<>(List.of(more));
    flags.add(new Flag("dataset_name", List.of(rows.toString())));
    return ConfigParser.parse(Optional.empty(), flags, List.of(), Optional.empty()).notices();
  }
}
