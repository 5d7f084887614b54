package dev.fluxtune.app.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.RunConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigParserTest {
  @TempDir Path folder;

  private Parsed parse(String yaml, Flag... flags) {
    return ConfigParser.parse(Optional.of(file(yaml)), List.of(flags), List.of(), Optional.empty());
  }

  private Path file(String yaml) {
    try {
      return Files.writeString(folder.resolve("run.yaml"), yaml);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static Flag flag(String name, String... values) {
    return new Flag(name, Arrays.asList(values));
  }

  /** The lines of the message, runs of spaces as one, without the title. */
  private List<String> problems(String yaml, Flag... flags) {
    List<String> lines = new ArrayList<>();
    assertThatExceptionOfType(ConfigException.class)
        .isThrownBy(() -> parse(yaml, flags))
        .satisfies(
            e ->
                e.getMessage()
                    .lines()
                    .skip(1)
                    .map(line -> line.strip().replaceAll(" +", " "))
                    .forEach(lines::add));
    return lines;
  }

  @Test
  void readsEveryKindOfValue() {
    RunConfig config =
        parse(
                """
                packing_strategy: bfd_split
                max_length: 2_048
                learning_rate: 2e-4
                bf16: yes
                seed: -7
                lora_target_modules: [q_proj, v_proj]
                report_to: page
                column_mapping: {question: prompt, answer: completion}
                run_name: 2024
                eval_strategy: no
                lr_scheduler_type: cosine_with_min_lr
                lr_scheduler_kwargs: '{"min_lr": 1e-6}'
                datasets:
                  - path: a.jsonl
                    columns: [text]
                  - path: b
                    split: validation
                """)
            .config();
    assertThat(config.chunks().packingStrategy()).isEqualTo(RunConfig.PackingStrategy.BFD_SPLIT);
    assertThat(config.chunks().maxLength()).contains(2048);
    assertThat(config.training().learningRate()).isEqualTo(2e-4);
    assertThat(config.training().bf16()).contains(true);
    assertThat(config.training().seed()).isEqualTo(-7);
    assertThat(config.adapter().loraTargetModules()).containsExactly("q_proj", "v_proj");
    assertThat(config.output().reportTo()).containsExactly("page");
    assertThat(config.data().columnMapping())
        .isEqualTo(Map.of("question", "prompt", "answer", "completion"));
    assertThat(config.output().runName()).contains("2024");
    assertThat(config.output().evalStrategy()).isEqualTo(RunConfig.When.NO);
    assertThat(config.training().lrSchedulerKwargs()).containsExactly(Map.entry("min_lr", 1e-6));
    assertThat(config.data().datasets())
        .containsExactly(
            new RunConfig.Source("a.jsonl", Optional.empty(), List.of("text")),
            new RunConfig.Source("b", Optional.of("validation"), List.of()));
  }

  @Test
  void hasTheDocumentedDefaultsForAnEmptyFile() {
    RunConfig config = parse("# nothing yet\n").config();
    assertThat(config.chunks().maxLength()).contains(1024);
    assertThat(config.chunks().packing()).isTrue();
    assertThat(config.chunks().tail()).isEqualTo(Packing.Tail.DROP);
    assertThat(config.training().gradientCheckpointing()).isTrue();
    assertThat(config.model().dtype()).isEmpty();
    assertThat(config.output().saveTotalLimit()).isEmpty();
  }

  @Test
  void tellsAllProblemsAtOnceWithLineAndNearestKey() {
    Path file =
        file(
            """
            lora_alhpa: 16
            max_length: 0
            packing: maybe
            packing_strategy: bdf
            lora_r: 8.5
            adam_beta1: 1.5
            frobnicate: 1
            """);
    assertThatExceptionOfType(ConfigException.class)
        .isThrownBy(
            () -> ConfigParser.parse(Optional.of(file), List.of(), List.of(), Optional.empty()))
        .withMessage(
            """
            %s: 7 problems
              line 1  lora_alhpa        unknown key; did you mean lora_alpha?
              line 2  max_length        must be at least 1 (got 0)
              line 3  packing           must be true or false (got maybe)
              line 4  packing_strategy  must be wrapped, bfd or bfd_split (got bdf); did you mean bfd?
              line 5  lora_r            must be a whole number (got 8.5)
              line 6  adam_beta1        must be between 0 and 1 (got 1.5)
              line 7  frobnicate        unknown key"""
                .formatted(file));
  }

  @Test
  void tellsProblemsOfFlagsBesideThoseOfTheFile() {
    Path file = file("packing: maybe\n");
    List<Flag> flags =
        List.of(
            flag("max_length", "many"), flag("lora_alhpa", "3"), flag("seed"), flag("", "stray"));
    assertThatExceptionOfType(ConfigException.class)
        .isThrownBy(() -> ConfigParser.parse(Optional.of(file), flags, List.of(), Optional.empty()))
        .withMessage(
            """
            %s and flags: 5 problems
              line 1  packing       must be true or false (got maybe)
              flag    --max_length  must be a whole number (got many)
              flag    --lora_alhpa  unknown flag; did you mean --lora_alpha?
              flag    --seed        needs a value
              flag    stray         belongs to no flag; write --key value"""
                .formatted(file));
  }

  @Test
  void takesFlagsOverTheFileAndTheLastOfTwoFlags() {
    RunConfig config =
        parse(
                "max_length: 512\npacking: true\n",
                flag("max_length", "64"),
                flag("max_length", "128"),
                flag("no_packing"),
                flag("use_peft"),
                flag("train_head", "false"),
                flag("report_to", "page", "jsonl"),
                flag("column_mapping", "{q: prompt}"),
                flag("lora_target_modules", "[a, b]"),
                flag("dataset_name", "*.jsonl"))
            .config();
    assertThat(config.chunks().maxLength()).contains(128);
    assertThat(config.chunks().packing()).isFalse();
    assertThat(config.adapter().usePeft()).isTrue();
    assertThat(config.model().trainHead()).isFalse();
    assertThat(config.output().reportTo()).containsExactly("page", "jsonl");
    assertThat(config.data().columnMapping()).isEqualTo(Map.of("q", "prompt"));
    assertThat(config.adapter().loraTargetModules()).containsExactly("a", "b");
    assertThat(config.data().datasetName()).contains("*.jsonl");
  }

  @Test
  void refusesAKeyThatIsGivenTwice() {
    assertThat(problems("seed: 1\npacking: true\nseed: 2\nmax_length: 8\nmax_seq_length: 9\n"))
        .containsExactly(
            "line 3 seed given twice; line 1 has it too",
            "line 5 max_seq_length the same key as max_length in line 4");
  }

  @Test
  void readsOldNamesAndSaysSo() {
    Parsed parsed =
        parse(
            """
            max_seq_length: 512
            evaluation_strategy: epoch
            warmup_ratio: 0.1
            torch_dtype: bfloat16
            """);
    assertThat(parsed.config().chunks().maxLength()).contains(512);
    assertThat(parsed.config().output().evalStrategy()).isEqualTo(RunConfig.When.EPOCH);
    assertThat(parsed.config().training().warmupSteps()).isEqualTo(0.1);
    assertThat(parsed.config().model().dtype()).contains(RunConfig.Dtype.BFLOAT16);
    assertThat(parsed.notices()).contains("max_seq_length is read as max_length, its name now");
  }

  @Test
  void aFlagThatAsksForNothingStandsOverThePeersKeyToo() {
    Parsed parsed =
        parse(
            "warmup_ratio: 0.3\nloss_type: dft\nhub_token: x\n",
            flag("warmup_ratio", "0.2"),
            flag("warmup_ratio", "0"),
            flag("loss_type", "nll"),
            flag("hub_token", "null"));
    assertThat(parsed.config().training().warmupSteps()).isZero();
    assertThat(parsed.notices()).noneMatch(it -> it.contains("hub_token"));
  }

  @Test
  void namesKeysWithoutEffectAndNoneOfTheirValues() {
    Parsed parsed =
        parse(
            """
            attn_implementation: flash_attention_2
            dataloader_num_workers: 4
            disable_tqdm: false
            hub_token: secret
            loss_type: chunked_nll
            """);
    assertThat(parsed.notices())
        .contains("without effect here: attn_implementation, dataloader_num_workers, hub_token")
        .noneMatch(it -> it.contains("secret"));
  }

  @Test
  void refusesWhatWouldChangeResultsAndSaysWhatToDo() {
    assertThat(
            problems(
                """
                loss_type: dft
                push_to_hub: true
                fsdp: full_shard
                optim: paged_adamw_32bit
                no_cuda: true
                """,
                flag("neftune_noise_alpha", "5")))
        .satisfiesExactly(
            it ->
                assertThat(it)
                    .isEqualTo(
                        "line 1 loss_type not supported (got dft); leave it out: the loss is nll"),
            it -> assertThat(it).startsWith("line 2 push_to_hub not supported (got true); leave"),
            it -> assertThat(it).startsWith("line 3 fsdp not supported (got full_shard);"),
            it ->
                assertThat(it)
                    .isEqualTo(
                        "line 4 optim must be adamw_torch_fused or adamw_torch (got paged_adamw_32bit)"),
            it -> assertThat(it).contains("CUDA_VISIBLE_DEVICES"),
            it -> assertThat(it).startsWith("flag --neftune_noise_alpha not supported (got 5);"));
  }

  @Test
  void checksTheKeysOfDataSets() {
    assertThat(
            problems(
                """
                datasets:
                  - path: a
                    splt: train
                    name: en
                  - split: test
                  - b.jsonl
                  - path: c
                    columns: {a: b}
                """))
        .containsExactly(
            "line 3 datasets[0].splt unknown key; did you mean split?",
            "line 4 datasets[0].name not supported; give the folder of that configuration as path",
            "line 5 datasets[1] has no path: a file, a glob or a folder",
            "line 6 datasets[2] must be a mapping with path, and split or columns where needed (got"
                + " b.jsonl)",
            "line 8 datasets[3].columns must be a list (got a mapping)");
  }

  @Test
  void tellsTheLineOfBrokenYaml() {
    assertThat(problems("seed: 1\nmax_length: [1, 2\npacking: true\n"))
        .singleElement()
        .satisfies(it -> assertThat(it).matches("line \\d no YAML: .+"));
    assertThat(problems("- a\n- b\n"))
        .containsExactly("line 1 the file must hold keys and values such as packing: true");
  }

  @Test
  void tellsThatTheFileIsMissingOrNoText() throws IOException {
    Path missing = folder.resolve("none.yaml");
    assertThatExceptionOfType(ConfigException.class)
        .isThrownBy(
            () -> ConfigParser.parse(Optional.of(missing), List.of(), List.of(), Optional.empty()))
        .withMessageContaining("--config  no file " + missing);
    Path latin = folder.resolve("latin.yaml");
    Files.write(latin, "run_name: \u00e9\n".getBytes(StandardCharsets.ISO_8859_1));
    assertThatExceptionOfType(ConfigException.class)
        .isThrownBy(
            () -> ConfigParser.parse(Optional.of(latin), List.of(), List.of(), Optional.empty()))
        .withMessageContaining("is not UTF-8 text");
  }

  @Test
  void saysNothingMoreOfAKeyThatIsWrongAlready() {
    assertThat(problems("packing: maybe\nmax_length: null\n"))
        .containsExactly("line 1 packing must be true or false (got maybe)");
  }
}
