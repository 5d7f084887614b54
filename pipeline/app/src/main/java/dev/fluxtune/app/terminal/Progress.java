package dev.fluxtune.app.terminal;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.LongAdder;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressState;

/**
 * Shows how far a pass over rows, or a training, has come, until it is closed: a bar on a terminal,
 * a line every ten seconds elsewhere. May be called from any thread.
 */
public final class Progress implements AutoCloseable {
  private static final int BAR_MILLIS = 200;
  private static final int LINE_MILLIS = 10_000;
  private static final int LONGEST_BAR = 30;

  private final LongAdder rows = new LongAdder();
  private final LongAdder tokens = new LongAdder();
  private volatile List<String> told = List.of();
  private final Terminal terminal;
  private final ProgressBar bar;

  private Progress(Terminal terminal, String task, long total) {
    this.terminal = terminal;
    boolean shown = terminal.errIsTerminal();
    int width = terminal.columns() - 1;
    this.bar =
        new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(total > 0 ? total : -1)
            .setUpdateIntervalMillis(shown ? BAR_MILLIS : LINE_MILLIS)
            .continuousUpdate()
            .setRenderer((state, most) -> shown ? bar(at(state), width) : inBetween(at(state)))
            .setConsumer(
                new DelegatingProgressBarConsumer(
                    text -> print(terminal, text, shown), Integer.MAX_VALUE))
            .build();
  }

  /**
   * Begins to show.
   *
   * @param task one word
   * @param total what the whole is, in the units given to {@link #add}; 0: not known
   */
  public static Progress start(Terminal terminal, String task, long total) {
    return new Progress(terminal, task, total);
  }

  /**
   * Counts on.
   *
   * @param units of the total: bytes of files
   */
  public void add(long units, long rows, long tokens) {
    this.rows.add(rows);
    this.tokens.add(tokens);
    bar.stepBy(units);
  }

  /**
   * Counts on by one, where not rows go by but steps.
   *
   * @param counts what to show of it in place of rows and tokens
   */
  public void step(String... counts) {
    told = List.of(counts);
    bar.step();
  }

  /** Moves to where a pass goes on from. */
  public void from(long units) {
    bar.stepTo(units);
  }

  /** A line of its own, above what is shown. */
  public void say(String line) {
    if (terminal.errIsTerminal()) {
      terminal.err().print("\r" + " ".repeat(terminal.columns() - 1) + "\r");
    }
    terminal.err().println(Visible.message(line));
  }

  /** Shows the final count. */
  @Override
  public void close() {
    bar.close();
    terminal.err().println(terminal.errIsTerminal() ? "" : line(atEnd()));
  }

  /**
   * How far it has come.
   *
   * @param share of the whole, from 0 to 1; negative: not known
   * @param counts what else there is to tell
   */
  record At(String task, double share, List<String> counts, Duration elapsed, boolean running) {

    private String time() {
      if (running && share > 0) {
        return clock((long) (elapsed.toSeconds() * (1 - share) / share)) + " left";
      }
      return clock(elapsed.toSeconds());
    }

    private String counts(String between) {
      return String.join(between, counts) + between + time();
    }
  }

  private At at(ProgressState state) {
    return new At(
        state.getTaskName(),
        state.getMax() > 0 ? Math.min(1, (double) state.getCurrent() / state.getMax()) : -1,
        counts(state.getElapsedAfterStart()),
        state.getElapsedAfterStart(),
        state.isAlive());
  }

  private At atEnd() {
    Duration elapsed = bar.getElapsedAfterStart();
    return new At(bar.getTaskName(), -1, counts(elapsed), elapsed, false);
  }

  private List<String> counts(Duration elapsed) {
    List<String> special = told;
    return special.isEmpty() ? rows(rows.sum(), tokens.sum(), elapsed) : special;
  }

  static List<String> rows(long rows, long tokens, Duration elapsed) {
    double seconds = Math.max(0.001, elapsed.toMillis() / 1000.0);
    String speed = count((long) (rows / seconds)) + " rows/s";
    return tokens == 0 // where rows alone are counted
        ? List.of(count(rows) + " rows", speed)
        : List.of(count(rows) + " rows", count(tokens) + " tokens", speed);
  }

  /** One line of exactly {@code width} characters, so that it covers the one before. */
  static String bar(At at, int width) {
    String counts = at.counts("  ");
    int free = width - at.task().length() - counts.length() - "  100 % []  ".length();
    StringBuilder text = new StringBuilder(at.task()).append("  ");
    if (at.share() >= 0) {
      text.append(String.format(Locale.ROOT, "%3d %% ", (int) (100 * at.share())));
      int length = Math.min(LONGEST_BAR, free);
      if (length >= 5) {
        int full = (int) (length * at.share());
        text.append('[').append("#".repeat(full)).append(".".repeat(length - full)).append("]");
      }
      text.append(text.charAt(text.length() - 1) == ' ' ? " " : "  ");
    }
    text.append(counts).append(" ".repeat(Math.max(0, width - text.length())));
    return text.substring(0, width);
  }

  /** Nothing at the start and, since the library draws more than once there, at the end. */
  private static String inBetween(At at) {
    return at.running() && at.elapsed().toMillis() > LINE_MILLIS / 2 ? line(at) : "";
  }

  static String line(At at) {
    String share = at.running() && at.share() >= 0 ? (int) (100 * at.share()) + " %, " : "";
    return at.task() + ": " + share + at.counts(", ");
  }

  private static void print(Terminal terminal, String text, boolean over) {
    if (over) {
      terminal.err().print("\r" + text);
      terminal.err().flush();
    } else if (!text.isEmpty()) {
      terminal.err().println(text);
    }
  }

  private static String count(long n) {
    return String.format(Locale.ROOT, "%,d", n);
  }

  private static String clock(long seconds) {
    return seconds < 3600
        ? String.format(Locale.ROOT, "%d:%02d", seconds / 60, seconds % 60)
        : String.format(
            Locale.ROOT, "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
  }
}
