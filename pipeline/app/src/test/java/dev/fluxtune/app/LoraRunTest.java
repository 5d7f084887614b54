package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Adapters on a model that the command itself trained for some steps. */
class LoraRunTest extends TinyRuns {
  private static final String ADAPTER = "adapter_model.safetensors";

  @TempDir static Path shared;
  private static Path base;

  @BeforeAll
  static void trainTheBase() throws IOException {
    base = shared.resolve("base");
    new TinyRun(shared).whole(base, "max_steps", 20, "save_strategy", "no");
  }

  private static Object[] lora(Object... more) {
    List<Object> all =
        new ArrayList<>(
            List.of(
                "use_peft",
                true,
                "model_name_or_path",
                base,
                "tokenizer_name_or_path",
                base,
                "learning_rate",
                1e-2,
                "lora_r",
                4,
                "lora_target_modules",
                "all-linear"));
    all.addAll(List.of(more));
    return all.toArray();
  }

  @Test
  void trainsAdaptersAndWritesThemAlone() throws IOException {
    byte[] before = TinyRun.weights(base);
    CommandRun run =
        tiny.whole(output, lora("lora_target_modules", "[q_proj, v_proj]", "save_steps", 25));

    assertThat(TinyRun.weights(base)).isEqualTo(before);
    for (Path written : List.of(output, output.resolve("checkpoint-25"))) {
      assertThat(TinyRun.names(written))
          .contains("adapter_config.json", ADAPTER, "tokenizer.json", "tokenizer_config.json")
          .doesNotContain("config.json", "generation_config.json", TinyRun.WEIGHTS);
    }
    JsonNode config = TinyRun.json(output.resolve("adapter_config.json"));
    assertThat(config.path("base_model_name_or_path").textValue()).isEqualTo(base.toString());
    assertThat(config.path("r").intValue()).isEqualTo(4);
    assertThat(config.path("lora_alpha").intValue()).isEqualTo(32);
    assertThat(config.path("lora_dropout").doubleValue()).isEqualTo(0.05);
    assertThat(run.err())
        .containsPattern("trained parameters +[\\d,]+ +[\\d.]+ %")
        .containsPattern(
            "adapters +\\d+ +rank 4, scaled by 8.000, dropout 0.05, on q_proj, v_proj");
    // Beside the adapters nothing is held for what is trained.
    assertThat(Files.size(output.resolve(ADAPTER))).isLessThan(before.length / 10);
    assertThat(Files.size(output.resolve("checkpoint-25/optimizer.safetensors")))
        .isLessThan(before.length / 5);
  }

  @Test
  void whatIsDroppedStaysTheSameWhereItIsEvaluated() throws IOException {
    tiny.whole(output, lora("max_steps", 5, "lora_dropout", 0.5));
    Path watched = folder.resolve("watched");
    tiny.whole(
        watched,
        lora("max_steps", 5, "lora_dropout", 0.5, "eval_strategy", "steps", "eval_steps", 1));
    assertThat(watched.resolve(ADAPTER)).hasSameBinaryContentAs(output.resolve(ADAPTER));
    assertThat(watched.resolve("samples.jsonl")).isNotEmptyFile();
  }

  /** On the embedded rows, of which the base has seen nothing. */
  @ParameterizedTest
  @ValueSource(strings = {"", "load_in_8bit", "load_in_4bit", "load_in_4bit use_bnb_nested_quant"})
  void theLossFalls(String quantized) throws IOException {
    List<Object> settings =
        new ArrayList<>(List.of("dataset_name", TinyRun.MODEL, "max_length", 256, "lora_r", 16));
    settings.addAll(List.of("max_steps", 80, "save_steps", 80));
    for (String key : quantized.isEmpty() ? new String[0] : quantized.split(" ", -1)) {
      settings.addAll(List.of(key, true));
    }
    CommandRun run = tiny.whole(output, lora(settings.toArray()));
    if (!quantized.isEmpty()) {
      assertThat(run.err()).containsPattern("frozen products +[48] bits");
    }
    List<Double> losses = new ArrayList<>();
    TinyRun.json(output.resolve("checkpoint-80/trainer_state.json"))
        .path("log_history")
        .forEach(log -> losses.add(log.path("loss").doubleValue()));
    assertThat(losses).hasSize(80);
    assertThat(mean(losses.subList(70, 80))).isLessThan(0.85 * mean(losses.subList(0, 10)));
  }

  private static double mean(List<Double> numbers) {
    return numbers.stream().mapToDouble(it -> it).average().orElseThrow();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "lora_dropout=0.3",
        "lora_dropout=0.3 bf16=true gradient_checkpointing=true",
        "lora_modules_to_save=norm lora_target_modules=q_proj use_rslora=true",
        "lora_dropout=0.3 load_in_4bit=true use_bnb_nested_quant=true"
      })
  void goesOnToTheBit(String more) throws IOException {
    List<Object> settings = new ArrayList<>(List.of("max_steps", 12, "save_steps", 7));
    for (String one : more.split(" ", -1)) {
      settings.addAll(List.of((Object[]) one.split("=", -1)));
    }
    tiny.whole(output, lora(settings.toArray()));
    byte[] straight = adapter(output);
    TinyRun.backTo(output, 7);
    assertThat(adapter(output.resolve("checkpoint-7"))).isNotEqualTo(straight);

    settings.addAll(List.of("resume_from_checkpoint", true));
    CommandRun resumed = tiny.whole(output, lora(settings.toArray()));

    assertThat(resumed.err()).contains("going on after step 7");
    assertThat(adapter(output)).isEqualTo(straight);
  }

  private static byte[] adapter(Path written) throws IOException {
    return Files.readAllBytes(written.resolve(ADAPTER));
  }

  @Test
  void otherAdaptersAreAnotherRun() {
    tiny.whole(output, lora("max_steps", 1));
    tiny.run(output, lora("max_steps", 1)).refused("holds this run already");
    tiny.run(output, lora("max_steps", 1, "lora_r", 8, "resume_from_checkpoint", true))
        .refused("lora_r: 4 → 8");
  }

  @Test
  void aResumedRunTellsOfABaseThatItDidNotBeginWith() throws IOException {
    tiny.whole(output, lora("max_steps", 2, "save_steps", 1));
    Object[] same = {"max_steps", 2, "save_steps", 1, "resume_from_checkpoint", true};
    assertThat(tiny.whole(output, lora(same)).err()).doesNotContain("another folder");

    Path other = Files.createDirectory(folder.resolve("other"));
    for (String name : List.of("config.json", TinyRun.WEIGHTS)) {
      Files.copy(base.resolve(name), other.resolve(name));
    }
    List<Object> moved = new ArrayList<>(List.of(same));
    moved.addAll(List.of("model_name_or_path", other));
    assertThat(tiny.whole(output, lora(moved.toArray())).err())
        .contains("note: the adapter names another folder as its base, " + base);
  }

  @Test
  void generatesWithTheAdapterOnItsBase() throws IOException {
    tiny.whole(output, lora("save_steps", 25));
    String plain = generated(base);
    String adapted = generated(output);
    assertThat(adapted).isNotEqualTo(plain);
    assertThat(generated(output.resolve("checkpoint-25"))).isNotEmpty();

    Path moved = folder.resolve("moved");
    Files.createDirectory(moved);
    for (String name : List.of("adapter_config.json", ADAPTER)) { // as PEFT alone leaves them
      Files.copy(output.resolve(name), moved.resolve(name));
    }
    assertThat(generated(moved)).isEqualTo(adapted);
    Path config = moved.resolve("adapter_config.json");
    Files.writeString(
        config, Files.readString(config).replace(base.toString(), folder.resolve("x").toString()));
    generate(moved).refused(moved + ": its base is not there", "base_model_name_or_path");
    Files.writeString(
        config, Files.readString(config).replace(folder.resolve("x").toString(), "" + output));
    generate(moved).refused(moved + ": its base, " + output + ", holds an adapter itself");
    Files.writeString(
        config, Files.readString(config).replace("" + output, folder.resolve("x").toString()));
    Files.writeString(
        config, Files.readString(config).replace("\"use_dora\" : false", "\"use_dora\" : true"));
    Files.writeString(
        config, Files.readString(config).replace(folder.resolve("x").toString(), base.toString()));
    generate(moved).refused("use_dora (true) is not supported");
  }

  private String generated(Path model) {
    CommandRun run = generate(model);
    assertThat(run.code()).as(run.err()).isZero();
    return run.out();
  }

  private CommandRun generate(Path model) {
    return CommandRun.of(
        folder.resolve("cache"),
        "generate",
        "--model_name_or_path",
        model,
        "--dataset_name",
        tiny.rows().resolve("test.jsonl"),
        "--max_new_tokens",
        4,
        "--temperature",
        0.8,
        "--do_sample");
  }

  @Test
  void whatCannotBeAdaptedIsRefusedBeforeAnythingIsCountedOrWritten() {
    refused("no module q_porj; did you mean q_proj?", "lora_target_modules", "[q_porj, v_proj]");
    refused(
        "model.embed_tokens cannot have an adapter",
        "lora_target_modules",
        "[embed_tokens, v_proj]");
    refused("tie_word_embeddings", "lora_modules_to_save", "embed_tokens");
    assertThat(output).doesNotExist();
    assertThat(folder.resolve("cache")).doesNotExist();
  }

  private void refused(String message, Object... settings) {
    tiny.run(output, lora(settings)).refused(message);
    assertThat(TinyRun.names(output)).noneMatch(it -> it.endsWith(".safetensors"));
  }

  @Test
  void mergedItWritesWhatTheAdapterDoes() throws IOException {
    tiny.whole(output, lora("save_strategy", "no"));
    Path merged = folder.resolve("merged");
    // As another left it that was killed while it wrote.
    Files.createDirectories(merged.resolve(".model.tmp"));
    Files.writeString(merged.resolve(".model.tmp/model.safetensors"), "half");
    Files.writeString(merged.resolve(".lock"), "");
    CommandRun run = merge(merged, output);
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(run.out()).containsPattern("merged +14 ");
    assertThat(run.err()).isEmpty();
    assertThat(TinyRun.names(merged))
        .contains("config.json", "generation_config.json", TinyRun.WEIGHTS, "tokenizer.json")
        .doesNotContain("adapter_config.json", ADAPTER, ".lock", ".model.tmp");
    assertThat(generated(merged)).isEqualTo(generated(output)).isNotEqualTo(generated(base));

    merge(merged, output).refused(merged + ": holds something already");
    Path file = Files.writeString(folder.resolve("file"), "x");
    merge(file, output).refused("is a file");
  }

  @Test
  void aBaseOfAnotherNameIsTakenAndSaid() throws IOException {
    tiny.whole(output, lora("max_steps", 1, "save_strategy", "no"));
    Path moved = Files.createSymbolicLink(folder.resolve("moved"), base);
    CommandRun run = merge(folder.resolve("merged"), output, moved);
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(run.err()).contains("note: the adapter names another folder as its base, " + base);
  }

  private CommandRun merge(Path merged, Path adapter) {
    return merge(merged, adapter, base);
  }

  private CommandRun merge(Path merged, Path adapter, Path model) {
    return CommandRun.of(
        folder.resolve("cache"),
        "merge",
        "--model_name_or_path",
        model,
        "--adapter",
        adapter,
        "--output_dir",
        merged);
  }

  @Test
  void mergesNothingElse() {
    tiny.whole(output, lora("max_steps", 1, "save_strategy", "no"));
    Path merged = folder.resolve("merged");
    merge(merged, base).refused(base + ": holds no adapter_config.json");
    merge(merged, output, output)
        .refused(output + ": holds an adapter; give the model it belongs to, " + base);
    CommandRun.of(folder.resolve("cache"), "merge", "--adapter", output, "--output_dir", merged)
        .refused("--model_name_or_path", "it names " + base);
    assertThat(merged).doesNotExist();
  }

  @Test
  void anAdapterIsNoBase() {
    tiny.whole(output, lora("max_steps", 1, "save_strategy", "no"));
    tiny.run(folder.resolve("next"), lora("model_name_or_path", output))
        .refused(output + ": holds an adapter");
  }
}
