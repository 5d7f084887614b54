package dev.fluxtune.tests.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.pipeline.pack.Pack;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Packing.Tail;
import dev.fluxtune.schemas.Tokenized;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;
import reactor.core.publisher.Flux;

/**
 * Tokens a second that one core packs, through the stage as the recipe uses it. Lengths are drawn,
 * by a fixed seed, from those of real rows under the Llama 3 tokenizer.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 6, time = 1)
@Fork(2)
public class PackBenchmark {
  static final int TOKENS = 1 << 20;
  static final long SEED = 42;
  private static final int MAX_LENGTH = 1024;
  private static final int DOCUMENTS_A_LIST = 64; // as Tokenize emits them

  /** The strategy. */
  @Param({"wrapped", "bfd", "bfd_split"})
  public String strategy = "";

  private Packing how = new Packing.Wrapped(MAX_LENGTH, Tail.DROP, 0);
  private List<List<Tokenized>> documents = List.of();

  /** Draws the documents: {@link #TOKENS} tokens in all. */
  @Setup
  public void draw() throws IOException {
    if (strategy.equals("bfd")) {
      how = new Packing.Bfd(MAX_LENGTH, 1000);
    } else if (strategy.equals("bfd_split")) {
      how = new Packing.BfdSplit(MAX_LENGTH, 1000);
    }
    List<JsonNode> real = llama3();
    Random random = new Random(SEED);
    documents = new ArrayList<>();
    List<Tokenized> list = new ArrayList<>();
    int left = TOKENS;
    while (left > 0) {
      Tokenized document = draw(real, left, random);
      left -= document.ids().length;
      list.add(document);
      if (list.size() == DOCUMENTS_A_LIST || left == 0) {
        documents.add(list);
        list = new ArrayList<>();
      }
    }
  }

  private static Tokenized draw(List<JsonNode> real, int atMost, Random random) {
    JsonNode file = real.get(random.nextInt(real.size()));
    JsonNode percentiles = file.get("length_percentiles");
    int n = Math.min(atMost, percentiles.get(random.nextInt(percentiles.size())).asInt());
    double share = file.get("trained").asDouble() / file.get("tokens").asDouble();
    boolean[] trained = new boolean[n];
    Arrays.fill(trained, (int) ((1 - share) * n), n, true);
    return new Tokenized(random.ints(n, 0, 128_000).toArray(), trained);
  }

  private static List<JsonNode> llama3() throws IOException {
    List<JsonNode> cases = new ArrayList<>();
    for (JsonNode c :
        new ObjectMapper()
            .readTree(PackBenchmark.class.getResourceAsStream("/parity/shared.json"))
            .get("cases")) {
      if (c.get("tokenizer").asText().equals("llama3")) {
        cases.add(c);
      }
    }
    return cases;
  }

  /** The stage. */
  @Benchmark
  @OperationsPerInvocation(TOKENS)
  public void tokens(Blackhole chunks) {
    Chunk last =
        Flux.fromIterable(documents)
            .transform(Pack.with(how))
            .doOnNext(chunks::consume)
            .blockLast();
    chunks.consume(last);
  }
}
