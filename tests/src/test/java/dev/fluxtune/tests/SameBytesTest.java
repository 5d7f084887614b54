package dev.fluxtune.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.pipeline.format.Format;
import dev.fluxtune.pipeline.format.RowKind;
import dev.fluxtune.pipeline.mask.Mask;
import dev.fluxtune.pipeline.pack.Pack;
import dev.fluxtune.pipeline.shard.Shards;
import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.pipeline.source.Rows;
import dev.fluxtune.pipeline.tokenize.Tokenize;
import dev.fluxtune.pipeline.tokenize.Tokenizer;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Encoded;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.Tokenized;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Flux;

/** The whole chain over many record batches: the same bytes however it runs, and no token lost. */
class SameBytesTest {
  private static final Path TINY =
      Path.of(System.getProperty("fluxtune.home"), "datasets/tiny-tasks/tokenizer");
  private static final int ROWS = 21 * 512 + 77;
  private static final Packing WRAPPED = new Packing.Wrapped(128, Packing.Tail.KEEP, 0);

  @TempDir Path folder;
  private final BufferAllocator allocator = new RootAllocator();
  private final Tokenizer tokenizer =
      Tokenizer.open(TINY, Optional.empty(), Optional.empty(), OptionalInt.empty());
  private Path rows;

  @BeforeEach
  void writeRows() throws IOException {
    Random random = new Random(7);
    List<String> lines =
        IntStream.range(0, ROWS)
            .mapToObj(
                i ->
                    "{\"prompt\": \"row %d \", \"completion\": \"%s\"}"
                        .formatted(i, "yes ".repeat(1 + random.nextInt(40))))
            .toList();
    rows = Files.write(folder.resolve("rows.jsonl"), lines);
  }

  @AfterEach
  void nothingIsLeftInMemory() {
    tokenizer.close();
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
  }

  private Flux<List<Prompted>> prompts() {
    BadRows bad = BadRows.fail();
    return Rows.read(List.of(rows), Map.of(), List.of(), bad, allocator)
        .map(Format.with(RowKind.PROMPT_COMPLETION, "text", true, bad));
  }

  /** Encodes, and now and then dawdles, so that workers overtake one another. */
  private Encoded slowly(Prompted document) {
    if (ThreadLocalRandom.current().nextInt(200) == 0) {
      LockSupport.parkNanos(ThreadLocalRandom.current().nextInt(3_000_000));
    }
    return tokenizer.encode(document);
  }

  private Map<String, byte[]> packed(int workers) throws IOException {
    Path out = folder.resolve("packed-" + workers);
    ObjectNode settings = JsonNodeFactory.instance.objectNode().put("test", 1);
    Shards.write(
            out,
            settings,
            (from, atEnd) ->
                prompts()
                    .transform(Pack.after(from))
                    .transform(Tokenize.with(this::slowly, workers))
                    .map(Mask.exact())
                    .transform(Pack.from(WRAPPED, from, atEnd)))
        .block();
    Map<String, byte[]> files = new TreeMap<>();
    try (Stream<Path> all = Files.list(out)) {
      for (Path file : all.toList()) {
        files.put(file.getFileName().toString(), Files.readAllBytes(file));
      }
    }
    return files;
  }

  @Test
  void anyNumberOfWorkersWritesTheSameBytes() throws IOException {
    System.setProperty("fluxtune.part.tokens", "100000"); // read when Shards is first used
    Map<String, byte[]> one = packed(1);
    assertThat(one).as("files").hasSizeGreaterThan(3);
    for (int workers : new int[] {2, 8}) {
      Map<String, byte[]> many = packed(workers);
      assertThat(many.keySet()).isEqualTo(one.keySet());
      one.forEach((name, bytes) -> assertThat(many.get(name)).as(name).isEqualTo(bytes));
    }
  }

  @Test
  void theConcatenationOfTheChunksIsTheConcatenationOfTheDocuments() {
    List<Tokenized> documents =
        prompts()
            .flatMapIterable(it -> it)
            .map(tokenizer::encode)
            .map(Mask::mark)
            .collectList()
            .block();
    List<Chunk> chunks =
        prompts()
            .transform(Tokenize.with(this::slowly, 2))
            .map(Mask.exact())
            .transform(Pack.with(WRAPPED))
            .collectList()
            .block();
    assertThat(documents).hasSize(ROWS);
    assertThat(chunks.stream().flatMapToInt(it -> IntStream.of(it.inputIds())).toArray())
        .isEqualTo(documents.stream().flatMapToInt(it -> IntStream.of(it.ids())).toArray());

    // What is trained is trained in its chunk, but for the first token of each fragment.
    List<Integer> lost = new ArrayList<>();
    int document = 0;
    int offset = 0;
    for (Chunk chunk : chunks) {
      int at = 0;
      for (int length : chunk.seqLengths()) {
        boolean[] trained = documents.get(document).trained();
        for (int i = 0; i < length; i++) {
          boolean label = chunk.labels()[at + i] != Chunk.IGNORED;
          if (label != (i > 0 && trained[offset + i])) {
            lost.add(at + i);
          }
        }
        at += length;
        offset += length;
        if (offset == trained.length) {
          document++;
          offset = 0;
        }
      }
    }
    assertThat(lost).isEmpty();
    assertThat(document).isEqualTo(ROWS);
  }
}
