package dev.fluxtune.tests.benchmarks;

import dev.fluxtune.pipeline.format.Format;
import dev.fluxtune.pipeline.tokenize.Tokenizer;
import dev.fluxtune.schemas.Example;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.RunConfig.TokenizerBackend;
import dev.fluxtune.tests.Shared;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/** Time a row in the tokenizer, as the stage calls it: ids and places come out. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = TokenizerBenchmark.WARM_UPS)
@Measurement(iterations = TokenizerBenchmark.MEASURED)
@Fork(3)
public class TokenizerBenchmark {
  static final int WARM_UPS = 6;
  static final int MEASURED = 4;
  static final int ROWS = 1000;
  private static final long SEED = 42;

  /** Whether each iteration brings other rows, or all the same. */
  @Param({"once", "again"})
  public String rows = "";

  /** Who encodes. */
  @Param({"fast", "reference"})
  public String backend = "";

  private final List<List<Prompted>> texts = new ArrayList<>();
  private Optional<Tokenizer> tokenizer = Optional.empty();
  private int iteration;

  /** Takes real rows, in an order of their own. */
  @Setup
  public void prepare() throws IOException {
    Path shared = Shared.folder();
    List<Example> all = new ArrayList<>(Shared.rows(shared.resolve("data/gsm8k_train.json")));
    all.addAll(Shared.rows(shared.resolve("data/roleplay.json")));
    Collections.shuffle(all, new Random(SEED));
    for (int i = 0; i < WARM_UPS + MEASURED; i++) {
      texts.add(all.subList(i * ROWS, (i + 1) * ROWS).stream().map(Format::prompt).toList());
    }
    tokenizer =
        Optional.of(
            Tokenizer.open(
                shared.resolve("tokenizers/llama3"),
                Optional.empty(),
                Optional.empty(),
                OptionalInt.empty(),
                TokenizerBackend.valueOf(backend.toUpperCase(Locale.ROOT))));
  }

  /** Frees the tokenizer. */
  @TearDown
  public void close() {
    tokenizer.ifPresent(Tokenizer::close);
  }

  /** Goes on to the next rows. */
  @TearDown(Level.Iteration)
  public void next() {
    iteration++;
  }

  /** The tokenizer. */
  @Benchmark
  @OperationsPerInvocation(ROWS)
  public void encode(Blackhole out) {
    Tokenizer opened = tokenizer.orElseThrow();
    for (Prompted text : texts.get(rows.equals("once") ? iteration : 0)) {
      out.consume(opened.encode(text));
    }
  }
}
