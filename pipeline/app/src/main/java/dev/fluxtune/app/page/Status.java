package dev.fluxtune.app.page;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** Where a run stands: how far it is, what it took, how it ended. */
final class Status {
  private final Optional<StepPlan> plan;
  private final Instant began = Instant.now();
  private String state = "running";
  private Optional<String> why = Optional.empty(); // it failed
  private Instant ended = began;
  private long first = -1; // the step that it went on from
  private long step;
  private double epoch;
  private long tokens;
  private long trainedTokens;
  private Duration training = Duration.ZERO;
  private Duration waited = Duration.ZERO;
  private long saved;
  private long withoutTarget;
  private long notFinite;

  Status(Optional<StepPlan> plan) {
    this.plan = plan;
  }

  void step(RunEvent.Step it) {
    first = first < 0 ? it.step() - 1 : first;
    step = it.step();
    epoch = it.epoch();
    tokens += it.tokens();
    trainedTokens += it.trainedTokens();
    training = training.plus(it.elapsed());
    waited = waited.plus(it.waited());
    withoutTarget += it.loss().isEmpty() ? 1 : 0;
    notFinite += it.loss().isPresent() && !Double.isFinite(it.loss().getAsDouble()) ? 1 : 0;
  }

  /** What lies behind already. */
  void reached(long step, double epoch) {
    this.step = Math.max(this.step, step);
    this.epoch = Math.max(this.epoch, epoch);
  }

  void saved(RunEvent.Saved it) {
    saved = it.step();
  }

  /**
   * It is over.
   *
   * @param how one word: finished, stopped, failed, or of another's folder, ended
   */
  void end(String how) {
    state = how;
    ended = Instant.now();
  }

  /** It is over, since it failed. */
  void failed(String reason) {
    end("failed");
    why = Optional.of(reason);
  }

  boolean isRunning() {
    return state.equals("running");
  }

  ObjectNode json(ObjectNode to) {
    double elapsed = Duration.between(began, isRunning() ? Instant.now() : ended).toMillis() / 1e3;
    to.put("state", state).put("step", step).put("epoch", epoch).put("elapsed", elapsed);
    to.put("began", began.toEpochMilli());
    why.ifPresent(it -> to.put("why", it));
    plan.ifPresent(
        it -> {
          to.put("total", it.totalSteps()).put("epochs", it.epochs(it.totalSteps()));
          if (isRunning() && first >= 0) {
            to.put("left", elapsed / (step - first) * (it.totalSteps() - step));
          }
        });
    if (first >= 0) {
      to.put("first", first).put("tokens", tokens).put("trained", trainedTokens);
      to.put("training", training.toMillis() / 1e3).put("waited", waited.toMillis() / 1e3);
      to.put("saved", saved).put("withoutTarget", withoutTarget).put("notFinite", notFinite);
    }
    return to;
  }
}
