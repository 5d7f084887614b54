package dev.fluxtune.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.app.command.Generation;
import dev.fluxtune.app.command.Resolved;
import dev.fluxtune.app.config.Key;
import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.app.terminal.Visible;
import dev.fluxtune.pipeline.format.RowKind;
import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.pipeline.source.HubCache;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.trainer.adapter.AdapterFolder;
import dev.fluxtune.trainer.generate.Sampling;
import dev.fluxtune.trainer.model.Gpu;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.Weights;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import reactor.core.publisher.Flux;

/** What a model writes after prompts, or after the prompts of rows; some at a time. */
final class GenerateCommand {
  private static final int AT_ONCE = 32;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final RunConfig config; // of the model, or of an adapter's base
  private final Optional<Path> adapter;
  private final Generation asked;
  private final Terminal terminal;

  GenerateCommand(Resolved run, Generation asked) {
    // Rows come in their order, and what would be trained of them is what is asked for.
    RunConfig given =
        Key.changed(
            run.config(),
            Map.of("shuffle_dataset", false, "completion_only_loss", Optional.empty()));
    this.adapter = adapter(given);
    this.config = adapter.map(it -> ofBase(given, it)).orElse(given);
    this.asked = asked;
    this.terminal = run.terminal();
  }

  void run() {
    Path folder = folder();
    boolean rows = asked.prompts().isEmpty();
    if (rows && config.data().datasetName().isEmpty() && config.data().datasets().isEmpty()) {
      throw new BadInputException(
          "nothing to go on from: give --prompt TEXT, or --dataset_name, a file of rows");
    }
    GenerationConfig wanted = GenerationConfig.read(folder);
    wanted.notices(asked).forEach(terminal::note);
    ModelConfig model = ModelConfig.read(folder);
    try (Ports io = rows ? Ports.open(config, terminal) : Ports.withoutRows(config, terminal)) {
      check(io, folder, rows);
      Sampling sampling = wanted.sampling(asked, io.tokenizer().endId(), config.training().seed());
      Precision precision = Precision.of(config, folder, false, Gpu.device());
      try (Weights weights = Weights.read(folder, model, precision.device(), precision.weights())) {
        adapter.ifPresent(it -> weights.adapt(AdapterFolder.read(it, model.shapes()), model));
        Answers answers = new Answers(io.tokenizer(), model, weights, sampling);
        if (rows) {
          ofRows(io, answers);
        } else {
          ofPrompts(answers);
        }
      }
    }
  }

  /** The folder that is asked, where it holds an adapter and no model. */
  private static Optional<Path> adapter(RunConfig config) {
    return config.model().modelNameOrPath().map(HubCache::model).filter(AdapterFolder::is);
  }

  /** The configuration that names the base of an adapter, and the tokenizer beside it. */
  private static RunConfig ofBase(RunConfig config, Path adapter) {
    String base = AdapterFolder.base(adapter);
    Map<String, Object> changes = new LinkedHashMap<>();
    changes.put("model_name_or_path", Optional.of(base));
    Path folder;
    try {
      folder = HubCache.model(base);
    } catch (BadInputException e) {
      throw new BadInputException(
          "%s: its base is not there: %s; or write the base's folder into %s, base_model_name_or_path"
              .formatted(adapter, e.getMessage(), CheckpointFormat.ADAPTER_CONFIG),
          e);
    }
    if (AdapterFolder.is(folder)) {
      throw new BadInputException(
          "%s: its base, %s, holds an adapter itself; merge that into its own base (pipeline merge), and write the merged folder into %s, base_model_name_or_path"
              .formatted(adapter, folder, CheckpointFormat.ADAPTER_CONFIG));
    }
    if (config.model().tokenizerNameOrPath().isEmpty()
        && Files.exists(adapter.resolve("tokenizer.json"))) {
      changes.put("tokenizer_name_or_path", Optional.of(adapter.toString()));
    }
    return Key.changed(config, changes);
  }

  /** The model's folder, which has to hold weights. */
  private Path folder() {
    Path folder =
        config
            .model()
            .modelNameOrPath()
            .map(HubCache::model)
            .orElseThrow(
                () ->
                    new BadInputException(
                        "no model: give --model_name_or_path, the folder of one that is trained"));
    if (!Setup.hasWeights(folder)) {
      throw new BadInputException(
          folder
              + ": holds no weights (*.safetensors), and what random ones write means nothing;"
              + " give a trained model's folder: the output_dir of a run, or a checkpoint of it");
    }
    return folder;
  }

  private void check(Ports io, Path folder, boolean rows) {
    if (io.tokenizerFile().isEmpty()) {
      throw new BadInputException(
          folder
              + ": holds no tokenizer.json, and prompts are text; give"
              + " --tokenizer_name_or_path, the folder of the model's tokenizer");
    }
    if (rows && !io.kind().isText()) {
      throw new BadInputException(
          "dataset_name: its rows are ids already (%s), and prompts are text; give the rows that they were made of"
              .formatted(io.kind() == RowKind.PREPARED ? "prepared" : "packed"));
    }
  }

  private void ofPrompts(Answers answers) {
    List<Question> all = asked.prompts().stream().map(Question::of).toList();
    boolean several = all.size() > 1;
    each(
        Flux.fromIterable(all),
        answers,
        (question, written) -> {
          if (several) {
            terminal.out().println(shown(question.prompt()));
          }
          terminal.out().println(shown(written));
          if (several) {
            terminal.out().println();
          }
        });
  }

  /** What goes into a file or another program is left as it is. */
  private String shown(String text) {
    return terminal.outIsTerminal() ? Visible.of(text) : text;
  }

  private void ofRows(Ports io, Answers answers) {
    BadRows bad = io.badRows();
    each(
        io.rows(bad)
            .map(io.format(bad))
            .concatMapIterable(rows -> rows, 1)
            .map(row -> Question.of(row, io.kind())),
        answers,
        (question, written) -> terminal.out().print(shown(json(question, written)) + "\n"));
    Pipeline.skipped(terminal, bad.count(), bad.first());
  }

  /** What is done with a question and what was written after it. */
  private interface Told {
    void accept(Question question, String written);
  }

  private static void each(Flux<Question> questions, Answers answers, Told told) {
    questions
        .buffer(AT_ONCE)
        .doOnNext(
            some -> {
              List<String> written = answers.after(some);
              for (int i = 0; i < some.size(); i++) {
                told.accept(some.get(i), written.get(i));
              }
            })
        .blockLast();
  }

  private static String json(Question question, String written) {
    Map<String, String> row = new LinkedHashMap<>();
    row.put("prompt", question.prompt());
    question.completion().ifPresent(it -> row.put("completion", it));
    row.put("generated", written);
    try {
      return JSON.writeValueAsString(row);
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }
}
