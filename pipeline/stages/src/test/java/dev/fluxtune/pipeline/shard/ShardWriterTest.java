package dev.fluxtune.pipeline.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.FolderLock;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Packing.Tail;
import dev.fluxtune.schemas.ShardFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

class ShardWriterTest {
  @TempDir Path folder;

  private static final Corpus CORPUS = Corpus.of(5, 100, new Packing.Wrapped(10, Tail.KEEP, 0));

  private Mono<Manifest> write(Shards.Chunks chunks) {
    return Shards.write(folder, CORPUS.settings(), chunks, Corpus.SMALL);
  }

  /** The corpus, with something else from a chunk on. */
  private static Shards.Chunks until(int chunk, Flux<Packed> then) {
    return (start, atEnd) -> CORPUS.from(start, atEnd).take(chunk).concatWith(then);
  }

  @Test
  void makesTheFolderAndTakesItsOwnTime() {
    Path deep = folder.resolve("a/b");
    Manifest manifest = Shards.write(deep, CORPUS.settings(), CORPUS, Corpus.SMALL).block();
    assertThat(Shards.open(deep).orElseThrow().manifest()).isEqualTo(manifest);
    assertThat(Corpus.files(deep)).hasSize(manifest.parts().size() + 1);
  }

  @Test
  void doesNothingBeforeItIsSubscribedTo() {
    assertThat(Shards.write(folder.resolve("later"), CORPUS.settings(), CORPUS)).isNotNull();
    assertThat(folder.resolve("later")).doesNotExist();
  }

  @Test
  void noChunkIsAnErrorAndLeavesNothing() {
    Corpus tooLong = Corpus.of(5, 3, new Packing.Wrapped(1000, Tail.DROP, 0));
    StepVerifier.create(Shards.write(folder, tooLong.settings(), tooLong))
        .verifyErrorSatisfies(
            e ->
                assertThat(e)
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("tail: keep"));
    assertThat(Corpus.files(folder)).isEmpty();
  }

  @Test
  void badInputLeavesNothing() {
    StepVerifier.create(write(until(55, Flux.error(new BadInputException("rows.json:7: bad")))))
        .verifyErrorMessage("rows.json:7: bad");
    assertThat(Corpus.files(folder)).isEmpty();
  }

  @Test
  void anotherErrorLeavesWholePartsToGoOnFrom() throws IOException {
    CORPUS.write(folder);
    Map<String, String> whole = Corpus.files(folder);
    Corpus.restore(folder, Map.of());
    StepVerifier.create(write(until(35, Flux.error(new IOException("network")))))
        .verifyErrorMessage("network");
    assertThat(Corpus.files(folder))
        .containsOnlyKeys(ShardFormat.part(0), ShardFormat.part(1), ShardFormat.part(2));
    CORPUS.write(folder);
    assertThat(Corpus.files(folder)).isEqualTo(whole);
  }

  /** Reactor rethrows such errors on the thread where they happen, and does not signal them. */
  @Test
  void anErrorOfTheVirtualMachineEndsTheStream() {
    AtomicBoolean broken = new AtomicBoolean();
    ObjectNode settings = CORPUS.settings();
    settings.putPOJO("breaks", new Breaks(broken));
    Shards.Chunks chunks =
        (start, atEnd) -> CORPUS.from(start, atEnd).doOnNext(chunk -> broken.set(true));
    StepVerifier.create(Shards.write(folder, settings, chunks, Corpus.SMALL))
        .expectErrorMessage("writing " + folder + " failed: java.lang.LinkageError: late")
        .verify(Duration.ofSeconds(10));
    assertThat(Corpus.files(folder)).isEmpty();
  }

  /** A setting that cannot be written once the stream runs. */
  public record Breaks(@JsonIgnore AtomicBoolean broken) {
    @JsonProperty
    public boolean now() {
      if (broken.get()) {
        throw new LinkageError("late");
      }
      return false;
    }
  }

  @Test
  void cancellationLeavesWholePartsAndNoLock() throws IOException {
    CORPUS.write(folder);
    Map<String, String> whole = Corpus.files(folder);
    Corpus.restore(folder, Map.of());
    StepVerifier.create(write(until(35, Flux.never())))
        .thenAwait(Duration.ofMillis(300))
        .then(() -> assertThat(Corpus.files(folder)).containsKey(FolderLock.FILE))
        .thenCancel()
        .verify();
    assertThat(Corpus.files(folder))
        .containsOnlyKeys(ShardFormat.part(0), ShardFormat.part(1), ShardFormat.part(2));
    CORPUS.write(folder);
    assertThat(Corpus.files(folder)).isEqualTo(whole);
  }

  @Test
  void readsAFewChunksAheadOfTheWriterOnly() {
    AtomicInteger ahead = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    Shards.Chunks counted =
        (start, atEnd) ->
            CORPUS
                .from(start, atEnd)
                .doOnNext(c -> most.accumulateAndGet(ahead.incrementAndGet(), Math::max))
                .doOnRequest(n -> ahead.addAndGet((int) -n));
    write(counted).block();
    // What was asked for and has not come yet is negative; more than asked for never comes.
    assertThat(most.get()).isLessThanOrEqualTo(0);
  }

  @Test
  void refusesAFolderThatIsBeingWritten() throws IOException {
    try (FolderLock lock = FolderLock.take(folder)) {
      assertThat(lock).isNotNull();
      assertThatThrownBy(() -> write(CORPUS).block())
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("another process is writing into it");
    }
    write(CORPUS).block();
  }

  @Test
  void saysWhyAFolderCannotBeWritten() throws IOException {
    Path file = Files.writeString(folder.resolve("rows.json"), "[]");
    assertThatThrownBy(() -> Shards.write(file, CORPUS.settings(), CORPUS).block())
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("rows.json is a file; give a folder");
  }

  @Test
  void refusesPaddingBeforeTheLastChunk() {
    Corpus padded = Corpus.of(5, 5, new Packing.Wrapped(100, Tail.PAD, 0));
    Shards.Chunks twice =
        (start, atEnd) -> padded.from(start, atEnd).concatWith(padded.from(start, atEnd));
    StepVerifier.create(write(twice)).verifyError(IllegalArgumentException.class);
    assertThat(Shards.open(folder)).isEmpty();
  }
}
