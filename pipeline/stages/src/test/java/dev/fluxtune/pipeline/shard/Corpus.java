package dev.fluxtune.pipeline.shard;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.pipeline.pack.Pack;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.Tokenized;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import reactor.core.publisher.Flux;

/** Seeded documents, packed from any place on, and how a folder of their shards is looked at. */
record Corpus(List<Tokenized> documents, Packing how) implements Shards.Chunks {
  static final PartWriter.Sizes SMALL = new PartWriter.Sizes(20, 40, 100);

  static Corpus of(long seed, int documents, Packing how) {
    Random random = new Random(seed);
    return new Corpus(IntStream.range(0, documents).mapToObj(d -> document(random)).toList(), how);
  }

  private static Tokenized document(Random random) {
    int length = 2 + random.nextInt(12);
    boolean[] trained = new boolean[length];
    for (int i = 0; i < length; i++) {
      trained[i] = random.nextBoolean();
    }
    return new Tokenized(random.ints(length, 0, 1 << 17).toArray(), trained);
  }

  @Override
  public Flux<Packed> from(Position start, Consumer<Ledger> atEnd) {
    return Flux.fromIterable(documents)
        .skip(start.document())
        .buffer(7)
        .transform(Pack.from(how, start, atEnd));
  }

  List<Chunk> chunks() {
    return Flux.fromIterable(documents).buffer(7).transform(Pack.with(how)).collectList().block();
  }

  ObjectNode settings() {
    return JsonNodeFactory.instance.objectNode().put("how", how.toString());
  }

  void write(Path folder) {
    Shards.write(folder, settings(), this, SMALL).block();
  }

  /** All files of a folder, hidden ones too. */
  static Map<String, String> files(Path folder) {
    Map<String, String> files = new TreeMap<>();
    try (Stream<Path> list = Files.list(folder)) {
      for (Path path : list.toList()) {
        // One character a byte: compares by content and says where it differs.
        files.put(
            path.getFileName().toString(),
            new String(Files.readAllBytes(path), StandardCharsets.ISO_8859_1));
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return files;
  }

  /** Makes a folder hold just these files. */
  static void restore(Path folder, Map<String, String> files) throws IOException {
    Files.createDirectories(folder);
    for (String name : files(folder).keySet()) {
      Files.delete(folder.resolve(name));
    }
    for (Map.Entry<String, String> file : files.entrySet()) {
      Files.write(
          folder.resolve(file.getKey()), file.getValue().getBytes(StandardCharsets.ISO_8859_1));
    }
  }

  /** Handles that this process has open on files of a folder (Linux). */
  static long handles(Path folder) {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.filter(handle -> target(handle).startsWith(folder)).count();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static Path target(Path handle) {
    try {
      return Files.readSymbolicLink(handle);
    } catch (IOException e) {
      return handle; // closed meanwhile
    }
  }
}
