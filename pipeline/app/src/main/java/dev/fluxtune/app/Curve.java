package dev.fluxtune.app;

import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.util.List;
import java.util.Locale;

/** The loss of a run, drawn in text: its mean over equal parts of the logged steps. */
final class Curve {
  private static final int PARTS = 12;
  private static final int WIDTH = 50;

  private Curve() {}

  static String of(List<TrainerState.Log> history) {
    List<TrainerState.Log> logs =
        history.stream().filter(log -> log.values().containsKey("loss")).toList();
    int parts = Math.min(PARTS, logs.size());
    double[] means = new double[parts];
    double highest = 0;
    for (int part = 0; part < parts; part++) {
      means[part] =
          logs.subList(from(part, parts, logs), from(part + 1, parts, logs)).stream()
              .mapToDouble(log -> log.values().getOrDefault("loss", Double.NaN))
              .average()
              .orElseThrow();
      highest = Math.max(highest, means[part]);
    }
    StringBuilder text = new StringBuilder();
    for (int part = 0; part < parts; part++) {
      text.append(
          String.format(
              Locale.ROOT,
              "  step %,9d  loss %7.4f  %s%n",
              logs.get(from(part + 1, parts, logs) - 1).step(),
              means[part],
              "#".repeat((int) Math.round(WIDTH * means[part] / highest))));
    }
    return text.toString();
  }

  private static int from(int part, int parts, List<TrainerState.Log> logs) {
    return (int) ((long) part * logs.size() / parts);
  }
}
