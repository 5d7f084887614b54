package dev.fluxtune.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.pipeline.format.Format;
import dev.fluxtune.pipeline.mask.Mask;
import dev.fluxtune.pipeline.pack.Pack;
import dev.fluxtune.pipeline.tokenize.Tokenize;
import dev.fluxtune.pipeline.tokenize.Tokenizer;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Example;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Packing.Tail;
import dev.fluxtune.schemas.RunConfig.TokenizerBackend;
import dev.fluxtune.schemas.Tokenized;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/**
 * Ids, masks and packs of ten thousand real rows, by two tokenizers, are those of the Python
 * originals (tests/parity/make_shared.py).
 */
class SharedParityTest {
  private static final int WINDOW = 1000;

  @Test
  void idsMasksAndPacksOfRealRowsAreThoseOfThePythonOriginals() throws IOException {
    Path shared = Shared.orSkip("SharedParityTest");
    JsonNode golden =
        new ObjectMapper().readTree(getClass().getResourceAsStream("/parity/shared.json"));
    assertThat(golden.get("cases")).hasSize(4);
    for (JsonNode expected : golden.get("cases")) {
      String name = expected.get("tokenizer").asText() + " x " + expected.get("data").asText();
      List<Example> rows =
          Shared.rows(shared.resolve("data").resolve(expected.get("data").asText()));
      assertThat(rows).as(name).hasSize(expected.get("rows").asInt());

      Path folder = shared.resolve("tokenizers").resolve(expected.get("tokenizer").asText());
      List<List<Tokenized>> documents = tokenize(rows, folder, TokenizerBackend.FAST);
      checkDocuments(name, documents, expected);
      checkDocuments(name, tokenize(rows, folder, TokenizerBackend.REFERENCE), expected);
      assertThat(expected.get("packs")).hasSize(2);
      for (JsonNode packs : expected.get("packs")) {
        strategies(packs.get("max_length").asInt())
            .forEach(
                (strategy, how) ->
                    checkChunks(
                        name + " " + how,
                        Flux.fromIterable(documents)
                            .transform(Pack.with(how))
                            .collectList()
                            .block(),
                        packs.get(strategy)));
      }
    }
  }

  private static Map<String, Packing> strategies(int maxLength) {
    return Map.of(
        "wrapped", new Packing.Wrapped(maxLength, Tail.DROP, 0),
        "bfd", new Packing.Bfd(maxLength, WINDOW),
        "bfd_split", new Packing.BfdSplit(maxLength, WINDOW));
  }

  private static List<List<Tokenized>> tokenize(
      List<Example> rows, Path folder, TokenizerBackend backend) {
    try (Tokenizer tokenizer =
        Tokenizer.open(folder, Optional.empty(), Optional.empty(), OptionalInt.empty(), backend)) {
      return Flux.fromIterable(rows)
          .map(Format::prompt)
          .buffer(512)
          .transform(Tokenize.with(tokenizer::encode, Runtime.getRuntime().availableProcessors()))
          .map(Mask.exact())
          .collectList()
          .block();
    }
  }

  private static void checkDocuments(
      String name, List<List<Tokenized>> documents, JsonNode expected) {
    Hash ids = new Hash();
    Hash flags = new Hash();
    long tokens = 0;
    long trained = 0;
    for (List<Tokenized> list : documents) {
      for (Tokenized document : list) {
        int[] marks = new int[document.ids().length];
        for (int i = 0; i < marks.length; i++) {
          marks[i] = document.trained()[i] ? 1 : 0;
          trained += marks[i];
        }
        tokens += marks.length;
        ids.add(document.ids());
        flags.add(marks);
      }
    }
    assertThat(tokens).as("%s: tokens", name).isEqualTo(expected.get("tokens").asLong());
    assertThat(ids.hex()).as("%s: ids", name).isEqualTo(expected.get("ids").asText());
    assertThat(trained).as("%s: trained", name).isEqualTo(expected.get("trained").asLong());
    assertThat(flags.hex()).as("%s: flags", name).isEqualTo(expected.get("flags").asText());
  }

  private static void checkChunks(String name, List<Chunk> chunks, JsonNode expected) {
    Hash all = new Hash();
    long tokens = 0;
    long trained = 0;
    for (Chunk chunk : chunks) {
      all.add(chunk.inputIds());
      all.add(chunk.labels());
      all.add(chunk.seqLengths());
      tokens += chunk.length();
      trained += chunk.trainedTokens();
    }
    assertThat(chunks.size()).as("%s: chunks", name).isEqualTo(expected.get("chunks").asInt());
    assertThat(tokens).as("%s: tokens", name).isEqualTo(expected.get("tokens").asLong());
    assertThat(trained).as("%s: targets", name).isEqualTo(expected.get("trained").asLong());
    assertThat(all.hex()).as("%s: content", name).isEqualTo(expected.get("sha256").asText());
  }

  /** SHA-256 over arrays of little-endian integers, each after its length. */
  private static final class Hash {
    private final MessageDigest sha;

    Hash() {
      try {
        sha = MessageDigest.getInstance("SHA-256");
      } catch (NoSuchAlgorithmException e) {
        throw new AssertionError(e);
      }
    }

    void add(int[] numbers) {
      ByteBuffer bytes =
          ByteBuffer.allocate(4 * (numbers.length + 1)).order(ByteOrder.LITTLE_ENDIAN);
      bytes.putInt(numbers.length);
      bytes.asIntBuffer().put(numbers);
      sha.update(bytes.array());
    }

    String hex() {
      return HexFormat.of().formatHex(sha.digest());
    }
  }
}
