package dev.fluxtune.pipeline.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Packing.Tail;
import dev.fluxtune.schemas.ShardFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

class ShardsTest {
  @TempDir Path folder;

  private static final Packing WRAPPED = new Packing.Wrapped(10, Tail.PAD, 3);
  private static final Corpus CORPUS = Corpus.of(2, 101, WRAPPED);

  private Shards written(Corpus corpus) {
    corpus.write(folder);
    return Shards.open(folder).orElseThrow();
  }

  private static List<Chunk> read(Flux<Chunk> chunks) {
    return chunks.collectList().block();
  }

  @ParameterizedTest
  @MethodSource("dev.fluxtune.pipeline.shard.RecoveryTest#packings")
  void readsInOrderWhatWasWrittenFromAnyPlaceOn(Packing how) {
    Corpus corpus = Corpus.of(3, 100, how);
    List<Chunk> chunks = corpus.chunks();
    Shards shards = written(corpus);
    for (int skip = 0; skip <= chunks.size(); skip++) {
      assertThat(read(shards.inOrder(skip))).isEqualTo(chunks.subList(skip, chunks.size()));
    }
    assertThatThrownBy(() -> shards.inOrder(chunks.size() + 1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void shufflesAnewEachEpochAndGoesOnFromAnyPlace() {
    List<Chunk> chunks = CORPUS.chunks();
    Shards shards = written(CORPUS);
    List<Chunk> first = read(shards.shuffled(42, 0, 0));
    assertThat(first).containsExactlyInAnyOrderElementsOf(chunks).isNotEqualTo(chunks);
    assertThat(read(shards.shuffled(42, 0, 0))).isEqualTo(first);
    assertThat(read(shards.shuffled(42, 1, 0))).isNotEqualTo(first);
    for (int skip = 0; skip <= chunks.size(); skip++) {
      assertThat(read(shards.shuffled(42, 0, skip))).isEqualTo(first.subList(skip, first.size()));
    }
  }

  @Test
  void countsWhatItHolds() {
    List<Chunk> chunks = CORPUS.chunks();
    var manifest = written(CORPUS).manifest();
    Chunk last = chunks.get(chunks.size() - 1);
    assertThat(manifest.chunks()).isEqualTo(chunks.size());
    assertThat(manifest.padding()).isPositive().isEqualTo(last.padding());
    assertThat(manifest.tokens())
        .isEqualTo(chunks.stream().mapToInt(Chunk::length).sum() - last.padding());
    assertThat(manifest.trained()).isEqualTo(chunks.stream().mapToInt(Chunk::trainedTokens).sum());
    assertThat(manifest.ledger().documents()).isEqualTo(CORPUS.documents().size());
    assertThat(manifest.parts()).hasSizeGreaterThan(3);
    assertThat(manifest.parts().get(0).tokens()).isEqualTo(Corpus.SMALL.part());
  }

  /** A change of these bytes must raise the version: parts of two versions are never mixed. */
  @Test
  void theBytesAreThoseOfTheFormatVersion() {
    assertThat(ShardFormat.VERSION).isEqualTo(1);
    assertThat(written(CORPUS).manifest().parts().get(0).sha256())
        .isEqualTo("aab6afbb6c9b38679e4fbd8c9d2637c9062e3d38dc7388be78d78f245e508845");
  }

  @Test
  void readsOnDemandOnly() {
    Shards shards = written(CORPUS);
    AtomicInteger seen = new AtomicInteger();
    StepVerifier.create(shards.shuffled(1, 0, 0).doOnNext(c -> seen.incrementAndGet()), 0)
        .thenRequest(1)
        .expectNextCount(1)
        .then(() -> assertThat(seen).hasValue(1))
        .thenRequest(2)
        .expectNextCount(2)
        .thenCancel()
        .verify();
    assertThat(seen).hasValue(3);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void closesItsFilesOnCompletionCancellationAndError() throws IOException {
    Shards shards = written(CORPUS);
    assertThat(Corpus.handles(folder)).isZero();
    StepVerifier.create(shards.shuffled(1, 0, 0), 0)
        .thenRequest(20)
        .expectNextCount(20)
        .then(() -> assertThat(Corpus.handles(folder)).isPositive())
        .thenCancel()
        .verify();
    assertThat(Corpus.handles(folder)).isZero();
    read(shards.inOrder(0));
    assertThat(Corpus.handles(folder)).isZero();
    Files.delete(folder.resolve(ShardFormat.part(2)));
    StepVerifier.create(shards.inOrder(0))
        .expectNextCount(20)
        .verifyErrorSatisfies(
            e ->
                assertThat(e)
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("part-00002.parquet: is damaged"));
    assertThat(Corpus.handles(folder)).isZero();
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void keepsABoundedNumberOfPartsOpen() {
    Corpus corpus = Corpus.of(4, 1050, WRAPPED);
    Shards shards = written(corpus);
    assertThat(shards.manifest().parts()).hasSizeGreaterThan(ChunkReader.OPEN_PARTS + 10);
    List<Chunk> read =
        read(
            shards
                .shuffled(1, 0, 0)
                .doOnNext(
                    c ->
                        assertThat(Corpus.handles(folder))
                            .isLessThanOrEqualTo(ChunkReader.OPEN_PARTS)));
    assertThat(read).containsExactlyInAnyOrderElementsOf(corpus.chunks());
    assertThat(Corpus.handles(folder)).isZero();
  }

  @Test
  void aPartOfAnotherSizeIsDamaged() throws IOException {
    written(CORPUS);
    Path part = folder.resolve(ShardFormat.part(1));
    byte[] bytes = Files.readAllBytes(part);
    for (int size : List.of(bytes.length - 1, bytes.length + 1)) {
      Files.write(part, Arrays.copyOf(bytes, size));
      assertThatThrownBy(() -> Shards.open(folder))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining(
              "%s: is damaged (it has %d bytes, not %d)", part, size, bytes.length);
    }
  }

  @Test
  void namesTheFileThatIsDamaged() throws IOException {
    Shards shards = written(CORPUS);
    shards.verify();
    Map<String, String> files = new TreeMap<>(Corpus.files(folder));
    files.computeIfPresent(
        ShardFormat.part(1),
        (name, bytes) ->
            bytes.substring(0, 60) + (char) (bytes.charAt(60) ^ 1) + bytes.substring(61));
    Corpus.restore(folder, files);
    String where = folder.resolve(ShardFormat.part(1)) + ": is damaged (";
    assertThatThrownBy(shards::verify)
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining(where + "its SHA-256 is ");
    StepVerifier.create(shards.inOrder(0))
        .expectNextCount(10)
        .verifyErrorSatisfies(
            e ->
                assertThat(e)
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining(where + "a page's checksum is wrong)"));
  }

  @Test
  void anEmptyOrForeignFolderHoldsNoShards() throws IOException {
    assertThat(Shards.open(folder.resolve("absent"))).isEmpty();
    assertThat(Shards.open(folder)).isEmpty();
    Files.writeString(folder.resolve(ShardFormat.MANIFEST), "{\"name\": \"a web page\"}");
    assertThat(Shards.open(folder)).isEmpty();
  }
}
