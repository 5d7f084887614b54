package dev.fluxtune.app.watch;

import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntSupplier;
import reactor.core.observability.micrometer.Micrometer;
import reactor.core.publisher.Flux;

/**
 * A run in figures for Prometheus, all named {@code fluxtune_…} but for those of the JVM's memory:
 * counters of this process, the latest of what is logged, by its name, and Reactor's own meters of
 * the stages.
 */
public final class Meters implements Observer {
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final Map<String, Double> latest = new ConcurrentHashMap<>();
  private final Counter steps = counter("steps", "Steps made");
  private final Counter tokens = counter("tokens", "Tokens trained on, padding not counted");
  private final Counter trained = counter("trained.tokens", "Targets of the loss among them");
  private final Counter checkpoints = counter("checkpoints", "Checkpoints written");
  private final Timer elapsed = timer("step", "From asking for a step's batches to its update");
  private final Timer waited = timer("step.wait", "The part of it in which batches were missing");

  public Meters() {
    new JvmMemoryMetrics().bindTo(registry);
  }

  private Counter counter(String name, String what) {
    return Counter.builder("fluxtune." + name).description(what).register(registry);
  }

  private Timer timer(String name, String what) {
    return Timer.builder("fluxtune." + name).description(what).register(registry);
  }

  /**
   * Watches what lies ready for the trainer.
   *
   * @param batches how many there are, on any thread
   */
  public void feed(IntSupplier batches) {
    Gauge.builder("fluxtune.batches.ready", batches::getAsInt)
        .description("Batches that lie ready for the trainer; it waits where there are none")
        .register(registry);
  }

  /**
   * What a stage gives on, measured by Reactor: how often, how late, how much was asked for. Not
   * for streams of single rows or chunks, which are too many.
   */
  public <T> Flux<T> stage(String name, Flux<T> stage) {
    return stage.name("fluxtune." + name).tap(Micrometer.metrics(registry));
  }

  @Override
  public String name() {
    return "meters";
  }

  @Override
  public void happened(RunEvent event) {
    if (event instanceof RunEvent.Step it) {
      steps.increment();
      tokens.increment((double) it.tokens());
      trained.increment((double) it.trainedTokens());
      elapsed.record(it.elapsed());
      waited.record(it.waited());
      gauge("epoch", it.epoch());
      gauge("global.step", (double) it.step());
      it.deviceBytes().ifPresent(bytes -> gauge("device.memory.bytes", (double) bytes));
    } else if (event instanceof RunEvent.Saved) {
      checkpoints.increment();
    }
  }

  @Override
  public void logged(TrainerState.Log log) {
    log.values().forEach(this::gauge);
  }

  private void gauge(String name, double value) {
    if (latest.put(name, value) == null) {
      Gauge.builder("fluxtune." + name, () -> latest.get(name)).register(registry);
    }
  }

  /** All of it, in Prometheus' text format; on any thread. */
  public String scrape() {
    return registry.scrape();
  }

  @Override
  public void close() {
    registry.close();
  }
}
