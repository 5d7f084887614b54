package dev.fluxtune.tests.benchmarks;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** Runs the benchmarks and sets them beside their goals; {@code tests/benchmarks/jmh} starts it. */
public final class Benchmarks {
  private Benchmarks() {}

  /** Takes JMH's own options. */
  public static void main(String[] args)
      throws CommandLineOptionException, RunnerException, IOException {
    CommandLineOptions options = new CommandLineOptions(args);
    if (options.shouldHelp()) {
      options.showHelp();
      return;
    }
    double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    Collection<RunResult> results = new Runner(new OptionsBuilder().parent(options).build()).run();
    if (results.isEmpty()) {
      return;
    }
    Map<String, Result<?>> scores = new TreeMap<>();
    for (RunResult run : results) {
      String name = run.getParams().getBenchmark().replaceFirst(".*\\.(\\w+\\.\\w+)$", "$1");
      for (String parameter : run.getParams().getParamsKeys()) {
        name += " " + run.getParams().getParam(parameter);
      }
      scores.put(name, run.getPrimaryResult());
    }
    print("%n%s, %s, load before %.1f", LocalDate.now(ZoneOffset.UTC), machine(), load);
    print("Repeat: tests/benchmarks/jmh %s%n", String.join(" ", args));
    print("| benchmark | score | goal |%n|---|---|---|");
    scores.forEach(
        (name, score) ->
            print(
                "| %s | %s ± %s | %s |",
                name,
                score.getScore() > 1e5
                    ? "%.1f M tokens/s".formatted(score.getScore() / 1e6)
                    : "%.2f µs/row".formatted(score.getScore()),
                score.getScore() > 1e5
                    ? "%.1f".formatted(score.getScoreError() / 1e6)
                    : "%.2f".formatted(score.getScoreError()),
                goal(name, scores)));
  }

  private static String goal(String name, Map<String, Result<?>> scores) {
    double score = scores.get(name).getScore();
    if (name.startsWith("PackBenchmark")) {
      double goal = name.endsWith("wrapped") ? 50e6 : 10e6;
      return "%.0f M: %s".formatted(goal / 1e6, score >= goal ? "met" : "MISSED");
    }
    boolean chain = name.startsWith("ChainBenchmark.chain");
    String other = chain ? "ChainBenchmark.nativeTokenizer" : name.replace("fast", "reference");
    if (!scores.containsKey(other) || other.equals(name)) {
      return "";
    }
    double share = score / scores.get(other).getScore();
    return chain
        ? "%.2f %% of the native tokenizer; at most 5 %%: %s"
            .formatted(100 * share, share <= 0.05 ? "met" : "MISSED")
        : "%.2f x the reference".formatted(share);
  }

  static String machine() throws IOException {
    Path cpuinfo = Path.of("/proc/cpuinfo");
    String cpu =
        !Files.exists(cpuinfo)
            ? System.getProperty("os.arch")
            : Files.readAllLines(cpuinfo).stream()
                .filter(line -> line.startsWith("model name"))
                .map(line -> line.replaceFirst(".*:\\s*", ""))
                .findFirst()
                .orElse(System.getProperty("os.arch"));
    return "%s, %d cores, %s %s"
        .formatted(
            cpu,
            Runtime.getRuntime().availableProcessors(),
            System.getProperty("java.vm.name"),
            System.getProperty("java.version"));
  }

  private static void print(String line, Object... args) {
    System.out.printf(Locale.ROOT, line + "%n", args);
  }
}
