package dev.fluxtune.app.config;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Collects everything that is wrong with a configuration, to say it at once. */
final class Problems {
  /** The file's problems come first, in its order; flags follow in theirs. */
  private static final Comparator<Problem> ORDER =
      Comparator.<Problem, Boolean>comparing(p -> p.line <= 0)
          .thenComparingInt(p -> Math.abs(p.line));

  private record Problem(int line, String label, String message) {
    String where() {
      return line <= 0 ? "flag" : "line " + line;
    }
  }

  private final List<Problem> problems = new ArrayList<>();

  void add(Given at, String message) {
    add(at.line(), at.label(), message);
  }

  void add(int line, String label, String message) {
    problems.add(new Problem(line, label, message));
  }

  boolean isEmpty() {
    return problems.isEmpty();
  }

  /** All of them, the file's under its name. */
  ConfigException exception(Optional<String> file) {
    List<Problem> sorted = problems.stream().sorted(ORDER).toList();
    boolean inFile = sorted.get(0).line > 0;
    boolean inFlags = sorted.get(sorted.size() - 1).line <= 0;
    String title =
        (inFile ? file.orElseThrow() : "")
            + (inFile && inFlags ? " and " : "")
            + (inFlags ? "flags" : "");
    int where = width(sorted.stream().map(Problem::where).toList());
    int label = width(sorted.stream().map(Problem::label).toList());
    return new ConfigException(
        sorted.stream()
            .map(p -> "  " + pad(p.where(), where) + pad(p.label, label) + p.message)
            .collect(
                Collectors.joining(
                    "\n",
                    "%s: %d problem%s%n"
                        .formatted(title, sorted.size(), sorted.size() == 1 ? "" : "s"),
                    "")));
  }

  private static int width(List<String> column) {
    int longest = column.stream().mapToInt(String::length).max().orElse(0);
    return longest == 0 ? 0 : longest + 2;
  }

  private static String pad(String text, int width) {
    return text + " ".repeat(Math.max(0, width - text.length()));
  }
}
