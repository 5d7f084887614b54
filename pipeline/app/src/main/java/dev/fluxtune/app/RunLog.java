package dev.fluxtune.app;

import dev.fluxtune.app.config.BestMetric;
import dev.fluxtune.app.terminal.Progress;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.RunConfig.When;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** What a run tells as it goes: on the terminal, and in the log that its checkpoints keep. */
final class RunLog {
  private final RunConfig config;
  private final StepPlan plan;
  private final Progress progress;
  private final Consumer<TrainerState.Log> watched;
  private final List<TrainerState.Log> history = new ArrayList<>();
  private final BestMetric metric;
  private final Optional<EarlyStopping> stopping;
  private Optional<TrainerState.Best> best = Optional.empty();
  private Optional<TrainerState.Log> latest = Optional.empty(); // of evaluations
  private long keptStep; // of the checkpoint that it goes on from

  private double losses; // of the steps since the last log
  private int steps;
  private Pace sinceLog = new Pace();
  private final Pace pace = new Pace();
  private long tokens; // of the run, and of those before that it goes on from
  private long withoutTarget;
  private long notFinite;

  /**
   * @param watched is told of each log when it is made
   */
  RunLog(RunConfig config, StepPlan plan, Progress progress, Consumer<TrainerState.Log> watched) {
    this.config = config;
    this.plan = plan;
    this.progress = progress;
    this.watched = watched;
    RunConfig.Output output = config.output();
    this.metric = BestMetric.of(output);
    this.stopping =
        output
            .earlyStoppingPatience()
            .map(it -> new EarlyStopping(metric, it, output.earlyStoppingThreshold()));
  }

  /** Goes on from what a checkpoint kept. */
  void from(TrainerState kept) {
    history.addAll(kept.logHistory());
    best = kept.best();
    keptStep = kept.globalStep();
    stopping.ifPresent(it -> it.from(kept));
    tokens = kept.numInputTokensSeen();
    progress.from(kept.globalStep());
  }

  void accept(RunEvent event) {
    if (event instanceof RunEvent.Step it) {
      step(it);
    } else if (event instanceof RunEvent.Evaluation it) {
      evaluation(it);
    } else if (event instanceof RunEvent.Saved it) {
      progress.say("step %,d: wrote %s".formatted(it.step(), it.folder()));
    } else if (event instanceof RunEvent.OutOfMemory it) {
      progress.say(
          "step %,d: the memory of the device does not suffice; it is made again with %d chunks at a time and the same effective batch"
              .formatted(it.step(), it.chunks()));
    }
  }

  private void step(RunEvent.Step it) {
    tokens += it.tokens();
    pace.add(it);
    sinceLog.add(it);
    if (it.loss().isPresent()) {
      losses += it.loss().getAsDouble();
      steps++;
      if (!Double.isFinite(it.loss().getAsDouble()) && notFinite++ == 0) {
        progress.say(
            "warning: step %,d has the loss %s, and nothing better comes after it: stop, and begin again with a lower learning_rate, or, where this is the first step, with other weights; more such steps are counted"
                .formatted(it.step(), it.loss().getAsDouble()));
      }
    } else if (withoutTarget++ == 0) {
      progress.say(
          "warning: step %,d holds no trained token and moved nothing; more such steps are counted"
              .formatted(it.step()));
    }
    progress.step(
        text("step %,d/%,d", it.step(), plan.totalSteps()),
        text("loss %.4f", steps == 0 ? Double.NaN : losses / steps),
        text("lr %.2e", it.learningRate()),
        text("%,.0f tokens/s", pace.tokensPerSecond()) + onDevice(it));
    if (isDue(it.step()) && steps > 0) {
      Map<String, Double> values = new LinkedHashMap<>();
      values.put("loss", losses / steps);
      it.gradNorm().ifPresent(norm -> values.put("grad_norm", norm));
      values.put("learning_rate", it.learningRate());
      values.put("num_tokens", (double) tokens);
      values.put("tokens_per_second", sinceLog.tokensPerSecond());
      values.put("data_wait", sinceLog.waitedShare());
      sinceLog.mfu().ifPresent(mfu -> values.put("mfu", mfu));
      sinceLog.deviceGib().ifPresent(gib -> values.put("device_memory_gib", gib));
      add(new TrainerState.Log(it.step(), it.epoch(), values));
      losses = 0;
      steps = 0;
      sinceLog = new Pace();
    }
  }

  private void add(TrainerState.Log log) {
    history.add(log);
    watched.accept(log);
  }

  private static String onDevice(RunEvent.Step it) {
    StringBuilder text = new StringBuilder();
    it.mfu().ifPresent(mfu -> text.append(text("  MFU %.2f", mfu)));
    it.deviceBytes().ifPresent(bytes -> text.append(text("  %.1f GiB", Pace.gib(bytes))));
    return text.toString();
  }

  /** As transformers' {@code DefaultFlowCallback}. */
  private boolean isDue(long step) {
    RunConfig.Output output = config.output();
    return (step == 1 && output.loggingFirstStep())
        || (output.loggingStrategy() == When.STEPS && step % distance(output.loggingSteps()) == 0)
        || (output.loggingStrategy() == When.EPOCH
            && (step % plan.stepsPerEpoch() == 0 || step == plan.totalSteps()));
  }

  private long distance(double every) {
    return (long) (every < 1 ? Math.ceil(every * plan.totalSteps()) : every);
  }

  private void evaluation(RunEvent.Evaluation it) {
    progress.say(
        text(
            "step %,d, epoch %.2f: eval_loss %.4f, %.1f %% of %,d tokens right",
            it.step(), it.epoch(), it.loss(), 100 * it.accuracy(), it.trainedTokens()));
    double seconds = Math.max(1e-9, it.elapsed().toNanos() / 1e9);
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("eval_loss", it.loss());
    values.put("eval_perplexity", Math.exp(it.loss()));
    values.put("eval_mean_token_accuracy", it.accuracy());
    values.put("eval_entropy", it.entropy());
    values.put("eval_num_tokens", (double) tokens);
    values.put("eval_runtime", seconds);
    values.put("eval_samples_per_second", it.chunks() / seconds);
    values.put("eval_steps_per_second", it.microBatches() / seconds);
    TrainerState.Log log = new TrainerState.Log(it.step(), it.epoch(), values);
    add(log);
    latest = Optional.of(log);
    stopping.ifPresent(early -> early.evaluated(log));
    if (it.step() == keptStep) {
      best(keptStep); // a stop came between: its checkpoint was written before
    }
  }

  /** The best of those that there is a checkpoint of, now of this step too. */
  private void best(long step) {
    double least = best.map(TrainerState.Best::metric).orElse(metric.worst());
    latest
        .filter(it -> it.step() == step)
        .map(it -> it.values().getOrDefault(metric.name(), Double.NaN))
        .filter(value -> metric.better(value, least))
        .ifPresent(
            value ->
                best =
                    Optional.of(new TrainerState.Best(value, step, CheckpointFormat.folder(step))));
  }

  /** What transformers would know after a step, of which a checkpoint is written now. */
  TrainerState state(long step, double epoch) {
    best(step);
    RunConfig.Output output = config.output();
    return new TrainerState(
        step,
        plan.totalSteps(),
        epoch,
        plan.epochsBegun(),
        config.chunks().perDeviceTrainBatchSize(),
        distance(output.loggingSteps()),
        distance(output.evalSteps().orElse(output.loggingSteps())),
        distance(output.saveSteps()),
        tokens,
        best,
        stopping.map(EarlyStopping::state),
        history);
  }

  /** Why the run is to end before its last step, if it is. */
  Optional<String> endsEarly() {
    return stopping.filter(EarlyStopping::reached).map(EarlyStopping::toString);
  }

  List<TrainerState.Log> history() {
    return history;
  }

  Optional<TrainerState.Best> best() {
    return best;
  }

  /** Of the steps made here. */
  Pace pace() {
    return pace;
  }

  /** Steps that moved nothing, since they held no trained token. */
  long withoutTarget() {
    return withoutTarget;
  }

  /** Steps whose loss was no number. */
  long notFinite() {
    return notFinite;
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
