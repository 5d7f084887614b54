package dev.fluxtune.app;

import dev.fluxtune.app.config.BestMetric;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.util.Locale;

/**
 * Ends a run that gets no better: counts as transformers' {@code EarlyStoppingCallback} the
 * evaluations on end that were not better than the best before them by more than a threshold.
 */
final class EarlyStopping {
  private final BestMetric metric;
  private final int patience;
  private final double threshold;
  private double best;
  private long bestStep;
  private int counter;

  EarlyStopping(BestMetric metric, int patience, double threshold) {
    this.metric = metric;
    this.patience = patience;
    this.threshold = threshold;
    this.best = metric.worst();
  }

  /** Goes on from what a checkpoint kept. */
  void from(TrainerState kept) {
    kept.logHistory().forEach(this::best);
    counter = kept.patience().map(TrainerState.Patience::counter).orElse(0);
  }

  /** Takes what an evaluation logged. */
  void evaluated(TrainerState.Log log) {
    double value = value(log);
    boolean improved = metric.better(value, best) && Math.abs(value - best) > threshold;
    counter = improved ? 0 : counter + 1;
    best(log);
  }

  private void best(TrainerState.Log log) {
    if (metric.better(value(log), best)) {
      best = value(log);
      bestStep = log.step();
    }
  }

  private double value(TrainerState.Log log) {
    return log.values().getOrDefault(metric.name(), Double.NaN);
  }

  boolean reached() {
    return counter >= patience;
  }

  TrainerState.Patience state() {
    return new TrainerState.Patience(patience, threshold, counter);
  }

  /** Why it ends. */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s has not become better%s in %d evaluations on end (early_stopping_patience); the best is the %.4f of step %,d",
        metric.name(),
        threshold > 0 ? " by more than " + threshold : "",
        counter,
        best,
        bestStep);
  }
}
