package dev.fluxtune.tests.benchmarks;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.fluxtune.pipeline.format.Format;
import dev.fluxtune.pipeline.mask.Mask;
import dev.fluxtune.pipeline.pack.Pack;
import dev.fluxtune.pipeline.tokenize.Tokenizer;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Encoded;
import dev.fluxtune.schemas.Example;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Packing.Tail;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.tests.Shared;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
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
import reactor.core.publisher.Flux;

/**
 * Time a row in everything but the tokenizer (format, mask, pack, batch, and Reactor between them),
 * beside the native tokenizer's own time on the same rows and one core.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 6, time = 1)
@Fork(2)
public class ChainBenchmark {
  static final int ROWS = 3072;
  private static final int ROWS_A_LIST = 512;
  private static final int BATCH = 8;

  private List<List<Example>> rows = List.of();
  private final List<Prompted> prompted = new ArrayList<>();
  private final List<List<Encoded>> encoded = new ArrayList<>();
  private Optional<Tokenizer> tokenizer = Optional.empty();
  private Optional<HuggingFaceTokenizer> library = Optional.empty();

  /** Takes real rows, and tokenizes them beforehand. */
  @Setup(Level.Trial)
  public void prepare() throws IOException {
    Path shared = Shared.folder();
    List<Example> all = new ArrayList<>();
    all.addAll(Shared.rows(shared.resolve("data/gsm8k_train.json")).subList(0, 2 * ROWS / 3));
    all.addAll(Shared.rows(shared.resolve("data/roleplay.json")).subList(0, ROWS / 3));
    Path llama3 = shared.resolve("tokenizers/llama3");
    Tokenizer opened =
        Tokenizer.open(llama3, Optional.empty(), Optional.empty(), OptionalInt.empty());
    tokenizer = Optional.of(opened);
    library =
        Optional.of(
            HuggingFaceTokenizer.newInstance(
                llama3.resolve("tokenizer.json"),
                Map.of("truncation", "false", "padding", "false")));
    rows = Flux.fromIterable(all).buffer(ROWS_A_LIST).collectList().block();
    for (List<Example> list : rows) {
      List<Prompted> texts = list.stream().map(Format::prompt).toList();
      prompted.addAll(texts);
      encoded.add(texts.stream().map(opened::encode).toList());
    }
  }

  /** Frees the tokenizers. */
  @TearDown(Level.Trial)
  public void close() {
    tokenizer.ifPresent(Tokenizer::close);
    library.ifPresent(HuggingFaceTokenizer::close);
  }

  /** Packing strategies of {@link #chain}. */
  @State(Scope.Thread)
  public static class Strategy {
    /** The strategy. */
    @Param({"wrapped", "bfd"})
    public String strategy = "";

    Packing packing() {
      return strategy.equals("bfd")
          ? new Packing.Bfd(1024, 1000)
          : new Packing.Wrapped(1024, Tail.DROP, 0);
    }
  }

  /** Everything but the tokenizer. */
  @Benchmark
  @OperationsPerInvocation(ROWS)
  public void chain(Strategy strategy, Blackhole out) {
    Iterator<List<Encoded>> tokenized = encoded.iterator();
    Flux.fromIterable(rows)
        .map(list -> list.stream().map(Format::prompt).toList())
        .map(
            texts -> {
              out.consume(texts);
              return tokenized.next();
            })
        .map(Mask.exact())
        .transform(Pack.with(strategy.packing()))
        .buffer(BATCH)
        .map(chunks -> Batch.stack(chunks, OptionalInt.of(0)))
        .doOnNext(out::consume)
        .blockLast();
  }

  /** The native library alone: the text goes in, nothing is asked of the result. */
  @Benchmark
  @OperationsPerInvocation(ROWS)
  public void nativeTokenizer() {
    long handle = library.orElseThrow().getHandle();
    for (Prompted text : prompted) {
      TokenizersLibrary.LIB.deleteEncoding(TokenizersLibrary.LIB.encode(handle, text.text(), true));
    }
  }
}
