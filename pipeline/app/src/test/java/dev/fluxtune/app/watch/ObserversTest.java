package dev.fluxtune.app.watch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests {@link Observers}. */
class ObserversTest {
  private final List<String> told = Collections.synchronizedList(new ArrayList<>());

  /** Keeps the steps that it hears of; what else it does is for the test. */
  private static class Listening implements Observer {
    final List<Long> steps = Collections.synchronizedList(new ArrayList<>());
    volatile boolean closed;

    @Override
    public String name() {
      return "listening";
    }

    @Override
    public void logged(TrainerState.Log log) throws IOException {
      steps.add(log.step());
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  private Observers of(Observer... observers) {
    return new Observers(List.of(observers), told::add, Duration.ofSeconds(1));
  }

  private static TrainerState.Log log(long step) {
    return new TrainerState.Log(step, step / 10.0, Map.of("loss", 1.0));
  }

  private static Long[] upTo(long step) {
    return LongStream.rangeClosed(1, step).boxed().toArray(Long[]::new);
  }

  @Test
  void eachHearsAllInOrderAndIsClosed() {
    Listening one = new Listening();
    Listening other = new Listening();
    try (Observers observers = of(one, other)) {
      for (long step = 1; step <= 1000; step++) {
        observers.logged(log(step));
      }
    }
    assertThat(one.steps).containsExactly(upTo(1000));
    assertThat(other.steps).containsExactly(upTo(1000));
    assertThat(one.closed && other.closed).isTrue();
    assertThat(told).isEmpty();
  }

  @Test
  void oneThatFailsIsLeftOutAndTheOthersGoOn() {
    Listening failing =
        new Listening() {
          @Override
          public void logged(TrainerState.Log log) throws IOException {
            super.logged(log);
            if (log.step() == 3) {
              throw new IOException("No space left on device");
            }
          }
        };
    Listening other = new Listening();
    try (Observers observers = of(failing, other)) {
      for (long step = 1; step <= 100; step++) {
        observers.logged(log(step));
      }
    }
    assertThat(failing.steps).containsExactly(upTo(3));
    assertThat(failing.closed).isTrue();
    assertThat(other.steps).containsExactly(upTo(100));
    assertThat(told).singleElement().asString().contains("listening ended early", "No space left");
  }

  @Test
  void oneThatCannotEndIsToldOfAndNotWaitedFor() {
    Listening failing =
        new Listening() {
          @Override
          public void close() {
            throw new IllegalStateException("cannot end");
          }
        };
    long begin = System.nanoTime();
    of(failing).close();
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofMillis(900));
    assertThat(told).singleElement().asString().contains("listening ended early", "cannot end");
  }

  @Test
  void oneThatStallsHoldsTheLatestLogsOnlyAndIsNotWaitedForLong() {
    CountDownLatch never = new CountDownLatch(1);
    Listening stalling =
        new Listening() {
          @Override
          public void logged(TrainerState.Log log) throws IOException {
            super.logged(log);
            try {
              never.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          }
        };
    Listening other = new Listening();
    int all = 3 * Observers.HELD;
    long begin = System.nanoTime();
    try (Observers observers = of(stalling, other)) {
      for (long step = 1; step <= all; step++) {
        observers.logged(log(step));
        if (step % 100 == 0) {
          await(other, step); // so that it is the stalling one alone that lags
        }
      }
    }
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(20));
    assertThat(other.steps).hasSize(all);
    assertThat(told)
        .anyMatch(it -> it.contains("waited for no longer"))
        .anyMatch(it -> it.matches(".*too slow and lacks 8,\\d{3} events"));
    assertThat(stalling.closed).as("by another thread, amid a write").isFalse();
  }

  private static void await(Listening listening, long step) {
    while (listening.steps.size() < step) {
      Thread.onSpinWait();
    }
  }

  @Test
  void oneThatIsSlowAtTheEndIsWaitedFor() {
    Listening slow =
        new Listening() {
          @Override
          public void logged(TrainerState.Log log) throws IOException {
            try {
              Thread.sleep(2);
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
            super.logged(log);
          }
        };
    try (Observers observers = of(slow)) {
      for (long step = 1; step <= 100; step++) {
        observers.logged(log(step));
      }
    }
    assertThat(slow.steps).containsExactly(upTo(100));
    assertThat(told).isEmpty();
  }

  @Test
  void oneThatStallsHoldsSamplesOfAFewMegabytesOnly() {
    CountDownLatch never = new CountDownLatch(1);
    Listening stalling =
        new Listening() {
          @Override
          public void sampled(Sampled samples) {
            try {
              never.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          }
        };
    List<Long> heard = Collections.synchronizedList(new ArrayList<>());
    Listening other =
        new Listening() {
          @Override
          public void sampled(Sampled samples) {
            heard.add(samples.step());
          }
        };
    String megabyte = "x".repeat(1 << 20);
    Sampled.Text text = new Sampled.Text(1, megabyte, megabyte, megabyte);
    assertThat(text.prompt()).hasSizeLessThanOrEqualTo(Sampled.LONGEST);
    long bytes = sampled(1, text).bytes();
    assertThat(bytes).isBetween(9L << 20, 10L << 20);
    int all = 200;
    try (Observers observers = of(stalling, other)) {
      for (long step = 1; step <= all; step++) {
        observers.sampled(sampled(step, text));
        observers.logged(log(step));
        await(other, step);
      }
    }
    assertThat(heard).containsExactly(upTo(all));
    long fit = Observers.HELD_SAMPLES / bytes;
    assertThat(told)
        .anyMatch(it -> it.contains("too slow and lacks %d events".formatted(all - fit)));
    long news = Observers.HELD * 1024L;
    assertThat(Observers.HELD_SAMPLES + news).isLessThan(64 << 20);
  }

  private static Sampled sampled(long step, Sampled.Text text) {
    return new Sampled(step, 0, "greedy", Collections.nCopies(100, text));
  }

  @Test
  void longTextsAreCutInTheMiddleAndNeverInsideACharacter() {
    String text = "a" + "\ud83d\ude00".repeat(Sampled.LONGEST) + "z";
    String cut = new Sampled.Text(1, text, "", "").prompt();
    assertThat(cut).hasSizeLessThanOrEqualTo(Sampled.LONGEST).startsWith("a").endsWith("z");
    assertThat(cut).containsPattern("\ud83d\ude00 … \\([\\d,]+ characters\\) … \ud83d\ude00");
    assertThat(new Sampled.Text(1, "short", "", "").prompt()).isEqualTo("short");
  }

  @Test
  void allTogetherCostTheRunAtMostAHundredthOfAStepOf100Ms(@TempDir Path folder)
      throws IOException {
    WatchedRun run = new WatchedRun(folder, 0, List.of(), "seed: 1\n", "{}");
    int steps = 500;
    long begin = 0;
    long nanos;
    try (Observers observers =
        Observers.open(run, List.of("tensorboard", "wandb"), List.of(new Meters()), told::add)) {
      for (long step = 1; step <= 2L * steps; step++) {
        if (step == steps + 1) { // the first are slow, as is all that is new to a JVM
          begin = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        }
        observers.happened(new RunEvent.Saved(step, 1, folder, Duration.ZERO));
        observers.logged(log(step));
      }
      nanos = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - begin;
    }
    assertThat(nanos / steps).isLessThan(1_000_000);
    assertThat(Files.readAllLines(folder.resolve("log.jsonl"))).hasSize(2 * steps);
  }

  /** What else stands there hinders every user, the one with all rights too. */
  @ParameterizedTest
  @CsvSource({
    "log.jsonl, another output_dir",
    "samples.jsonl, another output_dir",
    "runs, set TENSORBOARD_LOGGING_DIR"
  })
  void aLogThatCannotBeOpenedIsNamed(String name, String whatToDo, @TempDir Path folder)
      throws IOException {
    Path inTheWay = folder.resolve(name);
    if (name.equals("runs")) {
      Files.createFile(inTheWay);
    } else {
      Files.createDirectories(inTheWay.resolve("full"));
    }
    WatchedRun run = new WatchedRun(folder, 0, List.of(), "seed: 1\n", "{}");
    assertThatThrownBy(() -> Observers.open(run, List.of("tensorboard"), List.of(), told::add))
        .isInstanceOf(BadInputException.class)
        .hasMessageContainingAll(inTheWay.toString(), "cannot", whatToDo)
        .hasMessageNotContaining("free space");
  }
}
