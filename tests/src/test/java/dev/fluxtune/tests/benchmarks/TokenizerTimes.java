package dev.fluxtune.tests.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.pipeline.tokenize.Tokenizer;
import dev.fluxtune.pipeline.tokenize.Words;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.RunConfig.TokenizerBackend;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * CPU time of the tokenizer on the texts of a file, each once and on one thread, after those of
 * another file; {@code tests/benchmarks/tokenizer/compare} starts it. Reading the files does not
 * count, and neither does the compiler, which has threads of its own: its time stands beside.
 */
public final class TokenizerTimes {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final CompilationMXBean COMPILER = ManagementFactory.getCompilationMXBean();
  private static final int TEXTS_AT_ONCE = 256;

  private final Tokenizer tokenizer;
  private long nanos;
  private long tokens;

  private TokenizerTimes(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * Prints what it found as JSON.
   *
   * @param arguments the tokenizer's folder, {@code fast} or {@code reference}, the texts to warm
   *     up with, those that count: rows of {@code prompt} and {@code completion}, one a line
   */
  public static void main(String[] arguments) throws IOException {
    TokenizerBackend backend = TokenizerBackend.valueOf(arguments[1].toUpperCase(Locale.ROOT));
    try (Tokenizer tokenizer =
        Tokenizer.open(
            Path.of(arguments[0]),
            Optional.empty(),
            Optional.empty(),
            OptionalInt.empty(),
            backend)) {
      new TokenizerTimes(tokenizer).encode(Path.of(arguments[2]));
      TokenizerTimes counted = new TokenizerTimes(tokenizer);
      Words before = tokenizer.words();
      long compiled = COMPILER.getTotalCompilationTime();
      counted.encode(Path.of(arguments[3]));
      ObjectNode found = JSON.createObjectNode();
      found.put("tokens", counted.tokens);
      found.put("cpu_s", counted.nanos / 1e9);
      found.put("jit_s", (COMPILER.getTotalCompilationTime() - compiled) / 1e3);
      found.put("words", tokenizer.words().all() - before.all());
      found.put("merged", tokenizer.words().merged() - before.merged());
      System.out.println(found);
    }
  }

  private void encode(Path rows) throws IOException {
    List<Prompted> texts = new ArrayList<>();
    try (BufferedReader lines = Files.newBufferedReader(rows)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonNode row = JSON.readTree(line);
        texts.add(Prompted.of(row.get("prompt").textValue() + row.get("completion").textValue()));
        if (texts.size() == TEXTS_AT_ONCE) {
          encode(texts);
          texts.clear();
        }
      }
    }
    encode(texts);
  }

  private void encode(List<Prompted> texts) {
    long begin = THREADS.getCurrentThreadCpuTime();
    for (Prompted text : texts) {
      tokens += tokenizer.encode(text).ids().length;
    }
    nanos += THREADS.getCurrentThreadCpuTime() - begin;
  }
}
