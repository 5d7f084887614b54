package dev.fluxtune.app;

import dev.fluxtune.app.config.ConfigParser;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What the model answers to a few rows before and after training and, of the embedded rows, which
 * have one right answer each, how often it is right. Without a tokenizer there are none.
 */
final class Samples {
  private static final int SHOWN = 3;
  private static final int SHOWN_TOKENS = 64;

  private final Ports io;
  private final KnownAnswers rows;
  private final boolean exact;
  private List<int[]> before = List.of();

  private Samples(Ports io, KnownAnswers rows, boolean exact) {
    this.io = io;
    this.rows = rows;
    this.exact = exact;
  }

  static Samples of(Ports io, Optional<Ports> held) {
    Ports from = held.orElse(io);
    boolean text = from.kind().isText() && !from.dataSets().isEmpty();
    boolean exact =
        text
            && held.isPresent()
            && io.config()
                .data()
                .datasetName()
                .map(Path::of)
                .filter(it -> it.endsWith(ConfigParser.EMBEDDED))
                .isPresent();
    return new Samples(
        io,
        text
            ? KnownAnswers.of(from, exact ? Integer.MAX_VALUE : SHOWN)
            : new KnownAnswers(List.of()),
        exact);
  }

  /** Asks the model before training. */
  void before(Trainee trainee) {
    before = answers(trainee);
  }

  private List<int[]> answers(Trainee trainee) {
    int tokens = exact ? rows.longestAnswer() : SHOWN_TOKENS;
    return rows.rows().isEmpty()
        ? List.of()
        : rows.answers(trainee, tokens, io.endId().orElseThrow());
  }

  /** Asks it again, and shows both. */
  String after(Trainee trainee) {
    List<int[]> after = answers(trainee);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < Math.min(SHOWN, rows.rows().size()); i++) {
      KnownAnswers.Row row = rows.rows().get(i);
      text.append("\n  prompt    ").append(oneLine(row.prompt(), true));
      text.append("\n  answer    ").append(oneLine(row.answer(), false));
      text.append("\n  before    ").append(oneLine(before.get(i), false));
      text.append("\n  after     ").append(oneLine(after.get(i), false)).append('\n');
    }
    if (exact) {
      KnownAnswers training = KnownAnswers.of(io, Integer.MAX_VALUE);
      text.append("\n  exact match of ").append(rows.rows().size()).append(" held-out rows\n");
      text.append(
          new Table()
              .line("before training", percent(rows.exactMatch(before)), "")
              .line("after training", percent(rows.exactMatch(after)), "")
              .line("most frequent answer", percent(rows.mostFrequent(training)), "always")
              .line("nearest row's answer", percent(rows.nearest(training)), "tokens in common"));
    }
    return text.toString();
  }

  /** The end of a prompt, the beginning of anything else, on one line. */
  private String oneLine(int[] ids, boolean end) {
    String text = io.tokenizer().decode(ids).replace("\n", "⏎");
    int most = 90;
    if (text.length() <= most) {
      return text;
    }
    return end ? "…" + text.substring(text.length() - most) : text.substring(0, most) + "…";
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }
}
