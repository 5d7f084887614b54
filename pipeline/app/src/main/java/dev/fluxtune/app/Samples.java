package dev.fluxtune.app;

import ai.djl.engine.EngineException;
import dev.fluxtune.app.config.ConfigParser;
import dev.fluxtune.app.terminal.Visible;
import dev.fluxtune.app.watch.Sampled;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.trainer.model.Gpu;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What the model writes after a few rows, greedily: told at evaluations and shown at the end; and
 * of the embedded rows, which have one right answer each, how often it is right. Without a
 * tokenizer there are none.
 */
final class Samples {
  private static final int SHOWN = 3;

  private final Ports io;
  private final boolean held;
  private final int tokens;
  private final KnownAnswers asked;
  private final Optional<KnownAnswers> exact;
  private final Trainee trainee;
  private List<int[]> before = List.of();
  private double exactBefore;

  private Samples(Ports io, Optional<Ports> held, Trainee trainee) {
    RunConfig.Output wanted = io.config().output();
    Ports from = held.orElse(io);
    this.io = io;
    this.held = held.isPresent();
    this.tokens = wanted.sampleMaxNewTokens();
    this.trainee = trainee;
    this.asked =
        KnownAnswers.of(
            from,
            held.isPresent() ? wanted.numSamples() : Math.min(SHOWN, wanted.numSamples()),
            longest(from, trainee, tokens));
    boolean embedded =
        held.isPresent()
            && from.kind().isText()
            && from.config()
                .data()
                .datasetName()
                .map(Path::of)
                .filter(it -> it.endsWith(ConfigParser.EMBEDDED))
                .isPresent();
    this.exact = embedded ? Optional.of(KnownAnswers.all(from)) : Optional.empty();
  }

  /** Of the rows to evaluate on, where there are such; else of those that are trained on. */
  static Samples of(Ports io, Optional<Ports> held, Trainee trainee) {
    return new Samples(io, held, trainee);
  }

  /** Tokens of a prompt: such as fit into a chunk, where the model sees the whole. */
  private static int longest(Ports from, Trainee trainee, int tokens) {
    int seen = trainee.config().slidingWindow().orElse(Integer.MAX_VALUE) - tokens;
    return Math.min(from.room().orElse(Integer.MAX_VALUE), seen);
  }

  /** Asks the model before training; what is to be told of it. */
  Optional<Sampled> before() {
    before = written();
    exactBefore = exact.map(this::share).orElse(0.0);
    return held ? told(0, 0, before) : Optional.empty();
  }

  /**
   * Asks it at an evaluation. Training goes on without samples where the device has no room for
   * them.
   */
  Optional<Sampled> at(long step, double epoch, Consumer<String> say) {
    try {
      return told(step, epoch, written());
    } catch (EngineException e) {
      if (!Gpu.outOfMemory(e)) {
        throw e;
      }
      say.accept(
          "step %,d: the memory of the device does not suffice for samples; they are left out, fewer num_samples take less"
              .formatted(step));
      return Optional.empty();
    }
  }

  private List<int[]> written() {
    return asked.answers(trainee, tokens, io.endId());
  }

  private double share(KnownAnswers rows) {
    return rows.exactMatch(rows.answers(trainee, rows.longestAnswer(), io.endId()));
  }

  private Optional<Sampled> told(long step, double epoch, List<int[]> written) {
    List<Sampled.Text> texts = new ArrayList<>();
    for (int i = 0; i < written.size(); i++) {
      KnownAnswers.Row row = asked.rows().get(i);
      texts.add(
          new Sampled.Text(
              row.number(),
              text(row.prompt()),
              following(row, written.get(i)),
              following(row, row.answer())));
    }
    String settings = "greedy, at most %d new tokens".formatted(tokens);
    return texts.isEmpty()
        ? Optional.empty()
        : Optional.of(new Sampled(step, epoch, settings, texts));
  }

  /** Asks it again, and shows both. */
  String after() {
    List<int[]> after = written();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < Math.min(SHOWN, after.size()); i++) {
      KnownAnswers.Row row = asked.rows().get(i);
      text.append("\n  prompt    ").append(oneLine(text(row.prompt()), true));
      text.append("\n  answer    ").append(oneLine(following(row, row.answer()), false));
      text.append("\n  before    ").append(oneLine(following(row, before.get(i)), false));
      text.append("\n  after     ").append(oneLine(following(row, after.get(i)), false));
      text.append('\n');
    }
    exact.ifPresent(rows -> text.append(exactMatch(rows)));
    return text.toString();
  }

  private String exactMatch(KnownAnswers rows) {
    KnownAnswers training = KnownAnswers.all(io);
    return "\n  exact match of %d held-out rows\n".formatted(rows.rows().size())
        + new Table()
            .line("before training", percent(exactBefore), "")
            .line("after training", percent(share(rows)), "")
            .line("most frequent answer", percent(rows.mostFrequent(training)), "always")
            .line("nearest row's answer", percent(rows.nearest(training)), "tokens in common");
  }

  private String text(int[] ids) {
    return io.tokenizer().decode(ids);
  }

  private String following(KnownAnswers.Row row, int[] ids) {
    return Answers.following(row.prompt(), ids, this::text);
  }

  /** The end of a prompt, the beginning of anything else, on one line. */
  private static String oneLine(String text, boolean end) {
    int most = 90;
    String part =
        text.length() <= most
            ? text
            : end ? text.substring(text.length() - most) : text.substring(0, most);
    String line = Visible.of(part.replace("\n", "⏎"));
    return part.equals(text) ? line : end ? "…" + line : line + "…";
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }
}
