package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.pipeline.format.Format;
import dev.fluxtune.pipeline.tokenize.Tokenizer;
import dev.fluxtune.schemas.Example;
import dev.fluxtune.trainer.generate.Generate;
import dev.fluxtune.trainer.generate.Sampling;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On a model that the command itself trained for some steps. */
class GenerateCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path TINY = Configs.HOME.resolve("datasets/tiny-tasks");
  private static final String PROMPT = "Below is an instruction";

  @TempDir static Path shared;
  @TempDir Path folder;

  @BeforeAll
  static void train() {
    CommandRun run =
        CommandRun.of(
            shared.resolve("cache"),
            "run",
            "--max_steps",
            40,
            "--completion_only_loss",
            false, // prompts are learnt too, so that it has more to say
            "--eval_strategy",
            "no",
            "--save_strategy",
            "no",
            "--output_dir",
            shared.resolve("model"));
    assertThat(run.code()).as(run.err()).isZero();
  }

  private static Path model() {
    return shared.resolve("model");
  }

  private CommandRun generate(Path model, Object... arguments) {
    return CommandRun.of(
        folder.resolve("cache"),
        Stream.concat(
                Stream.of("generate", "--model_name_or_path", model), Arrays.stream(arguments))
            .toArray());
  }

  private String written(Path model, Object... arguments) {
    CommandRun run = generate(model, arguments);
    assertThat(run.code()).as(run.err()).isZero();
    return run.out();
  }

  private List<JsonNode> rows(Path rows, Object... arguments) throws IOException {
    Object[] all =
        Stream.concat(Stream.of("--dataset_name", rows), Arrays.stream(arguments)).toArray();
    List<JsonNode> objects = new ArrayList<>();
    for (String line : written(model(), all).split("\n", -1)) {
      if (!line.isEmpty()) {
        objects.add(JSON.readTree(line));
      }
    }
    return objects;
  }

  private static Tokenizer tokenizer() {
    return Tokenizer.open(model(), Optional.empty(), Optional.empty(), OptionalInt.empty());
  }

  /** The ids that follow a prompt, of the weights as they lie there. */
  private static int[] greedy(String prompt, int most) {
    ModelConfig config = ModelConfig.read(model());
    try (Tokenizer tokenizer = tokenizer();
        Weights weights = Weights.read(model(), config, Device.cpu(), Dtype.FLOAT32)) {
      Sampling sampling = Sampling.greedy(most, Set.of(tokenizer.endId()));
      List<int[]> prompts = List.of(tokenizer.prompt(prompt));
      return Generate.after(prompts, config, weights, sampling).get(0);
    }
  }

  private static String text(int... ids) {
    try (Tokenizer tokenizer = tokenizer()) {
      return tokenizer.decodeText(ids);
    }
  }

  /** The model with another file beside its weights. */
  private Path modelWith(String name, String content) throws IOException {
    Path copy = Files.createDirectories(folder.resolve("other"));
    try (Stream<Path> files = Files.list(model())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    Files.writeString(copy.resolve(name), content);
    return copy;
  }

  @Test
  void goesOnGreedilyWithoutAWordBeside() {
    int[] expected = greedy(PROMPT, 12);
    CommandRun run = generate(model(), "--prompt", PROMPT, "--max_new_tokens", 12);
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(run.out()).isEqualTo(text(expected) + "\n").isNotBlank();
    assertThat(run.err()).isEmpty();
  }

  @Test
  void printsSeveralPromptsEachAboveWhatFollows() {
    String other = "### Response:\n";
    assertThat(written(model(), "--prompt", PROMPT, "--prompt", other, "--max_new_tokens", 5))
        .isEqualTo(
            "%s\n%s\n\n%s\n%s\n\n"
                .formatted(PROMPT, text(greedy(PROMPT, 5)), other, text(greedy(other, 5))));
  }

  @Test
  void answersRowsInTheirOrderBeyondOneRound() throws IOException {
    List<String> lines = Files.readAllLines(TINY.resolve("test.jsonl")).subList(0, 70);
    Path file = Files.write(folder.resolve("rows.jsonl"), lines);
    List<JsonNode> answers = rows(file, "--max_new_tokens", 6, "--shuffle_dataset");
    assertThat(answers).hasSize(70);
    for (int i = 0; i < 70; i++) {
      JsonNode row = JSON.readTree(lines.get(i));
      String output = row.path("output").asText();
      String prompt =
          Format.prompt(
                  new Example.Instruction(
                      row.path("instruction").asText(), row.path("input").asText(), ""))
              .text();
      assertThat(answers.get(i).path("prompt").asText()).isEqualTo(prompt);
      assertThat(answers.get(i).path("completion").asText()).isEqualTo(output);
      if (i % 23 == 0) {
        assertThat(answers.get(i).path("generated").asText()).isEqualTo(text(greedy(prompt, 6)));
      }
    }
  }

  @Test
  void readsRowsOfEveryKindThatIsText() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("rows.jsonl"), "{\"question\": \"a b\", \"answer\": \"c\"}\n");
    Path template = folder.resolve("template.txt");
    Files.writeString(template, "Q: {question}\nA: {% generation %}{answer}{% endgeneration %}!");

    assertAsked(rows(file, "--template", template), "Q: a b\nA: ", "c");
    Files.writeString(template, "Q: {question}\nA: ");
    assertAsked(rows(file, "--template", template), "Q: a b\nA: ");
    assertAsked(
        rows(file, "--column_mapping", "{question: prompt, answer: completion}"), "a b", "c");
    assertAsked(rows(file, "--dataset_text_field", "question"), "a b");
  }

  private static void assertAsked(List<JsonNode> answers, String prompt, String... completion) {
    ObjectNode expected = JSON.createObjectNode().put("prompt", prompt);
    for (String one : completion) {
      expected.put("completion", one);
    }
    assertThat(answers).hasSize(1);
    assertThat(answers.get(0).path("generated").isTextual()).isTrue();
    assertThat(((ObjectNode) answers.get(0)).without("generated").equals(expected))
        .as(answers.toString())
        .isTrue();
  }

  @Test
  void skipsBadRowsWhereThatIsAsked() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("rows.jsonl"),
            "{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"c\"}\n");
    Object[] arguments = {"--dataset_name", file, "--max_new_tokens", 2, "--on_bad_row", "skip"};
    CommandRun run = generate(model(), arguments);
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(run.out().lines()).hasSize(1);
    assertThat(run.err()).contains("skipped 1 bad row:", file + ":2");
  }

  @Test
  void drawsByTheSeedAndNeverTheSameForTwoRows() throws IOException {
    Object[] drawn = {
      "--seed", 5, "--prompt", PROMPT, "--do_sample", "--temperature", 3, "--max_new_tokens", 20
    };
    String first = written(model(), drawn);
    assertThat(written(model(), drawn)).isEqualTo(first);
    drawn[1] = 6;
    assertThat(written(model(), drawn)).isNotEqualTo(first);

    Path file = folder.resolve("rows.jsonl");
    String row = "{\"prompt\": \"%s\", \"completion\": \"b\"}".formatted(PROMPT);
    Files.write(file, Collections.nCopies(40, row));
    List<JsonNode> answers = rows(file, "--do_sample", "--temperature", 3, "--max_new_tokens", 20);
    assertThat(answers.stream().map(it -> it.path("generated").asText()).distinct().count())
        .isEqualTo(40);
  }

  @Test
  void takesDefaultsFromTheModelsFolder() throws IOException {
    int[] greedy = greedy(PROMPT, 12);
    int stop = greedy[5];
    int until = 0;
    while (greedy[until] != stop) {
      until++;
    }
    Path ending =
        modelWith(
            "generation_config.json",
            "{\"eos_token_id\": [%d, 500], \"do_sample\": true, \"top_k\": 1, \"output_attentions\": false, \"num_beams\": 4}"
                .formatted(stop));
    CommandRun run = generate(ending, "--prompt", PROMPT, "--max_new_tokens", 12);
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(run.out())
        .as("drawn from the likeliest alone, to the first end")
        .isEqualTo(text(Arrays.copyOf(greedy, until + 1)) + "\n");
    assertThat(run.err())
        .isEqualTo(
            "note: %s: without effect here: num_beams\n"
                .formatted(ending.resolve("generation_config.json")));
    Object[] freely = {
      "--prompt", PROMPT, "--top_k", 0, "--temperature", 3, "--max_new_tokens", 12
    };
    assertThat(written(ending, freely)).isNotEqualTo(run.out());
  }

  @Test
  void saysWhatHasNoEffectWithoutDrawing() {
    CommandRun run =
        generate(
            model(), "--prompt", PROMPT, "--max_new_tokens", 12, "--temperature", 2, "--top_k", 3);
    assertThat(run.out()).isEqualTo(text(greedy(PROMPT, 12)) + "\n");
    assertThat(run.err())
        .isEqualTo(
            "note: without effect: --temperature, --top_k; the likeliest token is taken each"
                + " time, unless --do_sample is given\n");
  }

  @Test
  void saysWhatIsMissing() throws IOException {
    CommandRun.of(folder, "generate", "--prompt", "a").refused("--model_name_or_path");
    generate(model()).refused("--prompt TEXT", "--dataset_name");
    generate(TINY, "--prompt", "a").refused(TINY + ": holds no weights");
    generate(model(), "--prompt", "").refused("prompt 1 is empty");

    Path other = modelWith("generation_config.json", "{\"top_p\": \"half\", \"do_sample\": true}");
    generate(other, "--prompt", "a").refused("top_p must be a number (got \"half\")", "--top_p");
    Files.writeString(
        other.resolve("generation_config.json"), "{\"temperature\": 0, \"do_sample\": true}");
    generate(other, "--prompt", "a")
        .refused("generation_config.json: temperature must be above 0 (got 0.0)");
    Files.writeString(other.resolve("generation_config.json"), "{");
    generate(other, "--prompt", "a").refused("generation_config.json: is no JSON");
    Files.delete(other.resolve("generation_config.json"));

    Files.delete(other.resolve("tokenizer.json"));
    generate(other, "--prompt", "a")
        .refused(other + ": holds no tokenizer.json", "--tokenizer_name_or_path");
    Path tokenizer = TINY.resolve("tokenizer");
    Object[] named = {"--prompt", PROMPT, "--max_new_tokens", 3, "--tokenizer_name_or_path"};
    assertThat(written(other, Stream.concat(Arrays.stream(named), Stream.of(tokenizer)).toArray()))
        .isEqualTo(text(greedy(PROMPT, 3)) + "\n");

    Files.writeString(other.resolve("adapter_config.json"), "{}");
    generate(other, "--prompt", "a").refused("names no base");
  }

  @Test
  void refusesRowsWithoutText() throws IOException {
    Path rows = Files.writeString(folder.resolve("rows.jsonl"), "{\"input_ids\": [1, 2, 3]}\n");
    generate(model(), "--dataset_name", rows).refused("its rows are ids already (prepared)");
  }
}
