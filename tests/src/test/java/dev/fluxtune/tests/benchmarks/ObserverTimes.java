package dev.fluxtune.tests.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import dev.fluxtune.app.watch.Meters;
import dev.fluxtune.app.watch.Observers;
import dev.fluxtune.app.watch.WatchedRun;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * What all observers together cost a run whose steps take 100 ms and each of which is logged: the
 * time in which the trainer's thread tells them, and the process's CPU time, beside that of the
 * same steps told to nobody. {@code tests/benchmarks/observers} starts it.
 */
public final class ObserverTimes {
  private static final int WARM = 3000; // by then the code is compiled, as in most of a run
  private static final int STEPS = 300;
  private static final long STEP = Duration.ofMillis(100).toNanos();
  private static final double GOAL = 0.01;

  private final long[] nanos = new long[STEPS];
  private long cpu;

  private ObserverTimes() {}

  /** Takes no arguments. */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("observers");
    ObserverTimes nobody = new ObserverTimes();
    nobody.measure(step -> {});
    ObserverTimes all = new ObserverTimes();
    Meters meters = new Meters();
    WatchedRun run =
        new WatchedRun(
            folder, 0, List.of(), "learning_rate: 2.0E-5\n", "{\"model_type\": \"llama\"}");
    try (Observers observers =
        Observers.open(
            run, List.of("tensorboard", "wandb"), List.of(meters), line -> print("%s", line))) {
      all.measure(
          step -> {
            observers.happened(event(step));
            observers.logged(log(step));
          });
    }
    all.print(nobody);
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private interface Told {
    void of(long step);
  }

  private void measure(Told told) throws InterruptedException {
    OperatingSystemMXBean process =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long before = 0;
    for (int step = 0; step < WARM + STEPS; step++) {
      if (step == WARM) {
        before = process.getProcessCpuTime();
      }
      long begin = System.nanoTime();
      told.of(step + 1);
      long took = System.nanoTime() - begin;
      if (step >= WARM) {
        nanos[step - WARM] = took;
      }
      Thread.sleep(step < WARM ? 2 : Duration.ofNanos(Math.max(0, STEP - took)).toMillis());
    }
    cpu = process.getProcessCpuTime() - before;
    Arrays.sort(nanos);
  }

  private static RunEvent.Step event(long step) {
    return new RunEvent.Step(
        step,
        step / 100.0,
        OptionalDouble.of(1.0 / step),
        OptionalDouble.of(1),
        1e-3,
        16_384,
        8_000,
        Duration.ofMillis(100),
        Duration.ofMillis(1),
        OptionalDouble.of(0.5),
        OptionalLong.of(1L << 34));
  }

  private static TrainerState.Log log(long step) {
    return new TrainerState.Log(
        step,
        step / 100.0,
        Map.of(
            "loss", 1.0 / step,
            "grad_norm", 1.0,
            "learning_rate", 1e-3,
            "num_tokens", 16_384.0 * step,
            "tokens_per_second", 163_840.0,
            "data_wait", 0.01));
  }

  private void print(ObserverTimes nobody) throws IOException {
    double mean = Arrays.stream(nanos).average().orElseThrow();
    double cpuMore = (double) (cpu - nobody.cpu) / STEPS;
    print("%s, %s", LocalDate.now(ZoneOffset.UTC), Benchmarks.machine());
    print("Repeat: tests/benchmarks/observers%n");
    print("| a step of 100 ms, logged | µs | of the step | goal |%n|---|---|---|---|");
    row("the trainer's thread, mean", mean);
    row("the trainer's thread, median", (double) nanos[STEPS / 2]);
    row("CPU of all threads beyond that of nobody told", cpuMore);
  }

  private static void row(String what, double nanos) {
    double share = nanos / STEP;
    print(
        "| %s | %.0f | %.3f %% | at most 1 %%: %s |",
        what, nanos / 1e3, 100 * share, share <= GOAL ? "met" : "MISSED");
  }

  private static void print(String line, Object... values) {
    System.out.printf(Locale.ROOT, line + "%n", values);
  }
}
