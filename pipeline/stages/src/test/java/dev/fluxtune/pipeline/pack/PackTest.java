package dev.fluxtune.pipeline.pack;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Packing.Tail;
import dev.fluxtune.schemas.Packing.Wrapped;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.Tokenized;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

class PackTest {
  private static final int X = Chunk.IGNORED;

  private static Tokenized all(int... ids) {
    boolean[] trained = new boolean[ids.length];
    Arrays.fill(trained, true);
    return new Tokenized(ids, trained);
  }

  private static Chunk chunk(int[] ids, int[] labels, int... seqLengths) {
    return new Chunk(ids, labels, seqLengths);
  }

  private static int[] ints(int... values) {
    return values;
  }

  private static final List<Tokenized> EXAMPLE =
      List.of(all(1, 2, 3, 4, 5), all(6, 7), all(8, 9, 10), all(11, 12));

  private static final Chunk FIRST = chunk(ints(1, 2, 3, 4), ints(X, 2, 3, 4), 4);
  private static final Chunk SECOND = chunk(ints(5, 6, 7, 8), ints(X, X, 7, X), 1, 2, 1);

  private static Flux<Chunk> pack(Tail tail) {
    return Flux.just(EXAMPLE).transform(Pack.with(new Wrapped(4, tail, 0)));
  }

  @Test
  void cutsALongDocumentAcrossChunksAndIgnoresTheFirstLabelOfEachFragment() {
    StepVerifier.create(pack(Tail.DROP))
        .expectNext(FIRST, SECOND)
        .expectNext(chunk(ints(9, 10, 11, 12), ints(X, 10, X, 12), 2, 2))
        .verifyComplete();
  }

  @Test
  void keepsDropsOrPadsTheTail() {
    List<Tokenized> documents = List.of(all(1, 2, 3, 4), all(5, 6));
    List<Ledger> ledgers = new ArrayList<>();
    for (Tail tail : Tail.values()) {
      List<Packed> packed =
          Flux.just(documents)
              .transform(Pack.from(new Wrapped(4, tail, 9), Position.START, ledgers::add))
              .collectList()
              .block();
      assertThat(packed).first().extracting(Packed::chunk).isEqualTo(FIRST);
      switch (tail) {
        case DROP -> assertThat(packed).hasSize(1);
        case KEEP -> assertThat(packed.get(1).chunk()).isEqualTo(chunk(ints(5, 6), ints(X, 6), 2));
        case PAD ->
            assertThat(packed.get(1).chunk())
                .isEqualTo(new Chunk(ints(5, 6, 9, 9), ints(X, 6, X, X), ints(2, 2), 2));
      }
      assertThat(packed.get(packed.size() - 1).next().ledger().balanced().documents())
          .isEqualTo(tail == Tail.DROP ? 1 : 2);
    }
    assertThat(ledgers)
        .containsExactly(
            new Ledger(2, 6, 3, 1, 0, 0, 0, 2, 0),
            new Ledger(2, 6, 4, 2, 0, 0, 0, 0, 0),
            new Ledger(2, 6, 4, 2, 0, 0, 0, 0, 0));
  }

  @Test
  void spansThreeChunksWithOneDocument() {
    StepVerifier.create(
            Flux.just(List.of(all(1, 2, 3, 4, 5)))
                .transform(Pack.with(new Wrapped(2, Tail.KEEP, 0))))
        .expectNext(chunk(ints(1, 2), ints(X, 2), 2))
        .expectNext(chunk(ints(3, 4), ints(X, 4), 2))
        .expectNext(chunk(ints(5), ints(X), 1))
        .verifyComplete();
  }

  @Test
  void dropsAndCountsDocumentsWithoutATarget() {
    List<Ledger> ledgers = new ArrayList<>();
    StepVerifier.create(
            Flux.just(List.of(new Tokenized(ints(1, 2), new boolean[2]), all(3), all(4, 5)))
                .transform(Pack.from(new Wrapped(2, Tail.DROP, 0), Position.START, ledgers::add))
                .map(Packed::chunk))
        .expectNext(chunk(ints(4, 5), ints(X, 5), 2))
        .verifyComplete();
    assertThat(ledgers).containsExactly(new Ledger(3, 5, 1, 1, 0, 2, 3, 0, 0));
  }

  @Test
  void emptyDataGivesNoChunk() {
    StepVerifier.create(
            Flux.<List<Tokenized>>empty().transform(Pack.with(new Wrapped(4, Tail.PAD, 0))))
        .verifyComplete();
  }

  @Test
  void readsNoFurtherThanDemanded() {
    AtomicInteger lists = new AtomicInteger();
    StepVerifier.create(
            Flux.range(0, 1000)
                .map(i -> List.of(all(1, 2, 3, 4)))
                .doOnNext(l -> lists.incrementAndGet())
                .transform(Pack.with(new Wrapped(4, Tail.DROP, 0))),
            0)
        .thenRequest(1)
        .expectNext(FIRST)
        .then(() -> assertThat(lists.get()).isLessThanOrEqualTo(2))
        .thenRequest(1)
        .expectNext(FIRST)
        .thenCancel()
        .verify();
    assertThat(lists.get()).isLessThanOrEqualTo(3);
  }

  @Test
  void passesOnAnErrorOfTheSource() {
    StepVerifier.create(
            Flux.concat(
                    Flux.just(EXAMPLE), Flux.<List<Tokenized>>error(new IllegalStateException("x")))
                .transform(Pack.with(new Wrapped(4, Tail.KEEP, 0))))
        .expectNextCount(3)
        .verifyErrorMessage("x");
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void losesNoTokenAndGoesOnFromAnyPlaceAsIfItHadNeverStopped(long seed) {
    Random random = new Random(seed);
    int[] next = {0};
    List<Tokenized> documents =
        IntStream.range(0, 50)
            .mapToObj(
                d -> all(IntStream.range(0, 2 + random.nextInt(20)).map(i -> next[0]++).toArray()))
            .toList();
    Wrapped how = new Wrapped(1 + random.nextInt(12), Tail.KEEP, 0);
    List<Packed> whole = pack(documents, 1 + random.nextInt(9), how, Position.START);

    int[] tokens = whole.stream().flatMapToInt(p -> Arrays.stream(p.chunk().inputIds())).toArray();
    assertThat(tokens).isEqualTo(IntStream.range(0, next[0]).toArray());
    for (int k = 0; k < whole.size(); k++) {
      Position at = whole.get(k).next();
      assertThat(at.ledger().balanced().packed())
          .isEqualTo(whole.subList(0, k + 1).stream().mapToInt(p -> p.chunk().length()).sum());
      List<Tokenized> rest = documents.subList((int) at.document(), documents.size());
      assertThat(pack(rest, 1 + random.nextInt(9), how, at))
          .as("seed %d, after chunk %d", seed, k)
          .isEqualTo(whole.subList(k + 1, whole.size()));
    }
  }

  private static List<Packed> pack(List<Tokenized> documents, int slice, Wrapped how, Position at) {
    return Flux.fromIterable(documents)
        .buffer(slice)
        .transform(Pack.from(how, at, ledger -> {}))
        .collectList()
        .block();
  }

  @Test
  void chunksPackedBeforePassOnFromAnyPlace() {
    Chunk padded = new Chunk(ints(9, 0, 0), ints(X, X, X), ints(1, 2), 2);
    List<Chunk> chunks = List.of(FIRST, SECOND, padded);
    List<Ledger> atEnd = new ArrayList<>();
    List<Packed> whole =
        Flux.just(chunks.subList(0, 2), chunks.subList(2, 3))
            .transform(Pack.already(Position.START, atEnd::add))
            .collectList()
            .block();
    assertThat(whole).extracting(Packed::chunk).isEqualTo(chunks);
    assertThat(atEnd).containsExactly(new Ledger(5, 9, 4, 5, 0, 0, 0, 0, 0));

    Position second = whole.get(0).next();
    List<Packed> rest =
        Flux.just(chunks)
            .transform(Pack.after(second))
            .transform(Pack.already(second, atEnd::add))
            .collectList()
            .block();
    assertThat(rest).isEqualTo(whole.subList(1, 3));
    assertThat(atEnd.get(1)).isEqualTo(atEnd.get(0));
  }

  @Test
  void leavesOutWhatLiesBehind() {
    StepVerifier.create(
            Flux.just(List.of(1, 2), List.of(3), List.of(4, 5, 6), List.of(7, 8))
                .transform(Pack.after(new Position(4, 0, Ledger.EMPTY))),
            1)
        .expectNext(List.of(5, 6))
        .thenRequest(1)
        .expectNext(List.of(7, 8))
        .thenRequest(1)
        .verifyComplete();
  }
}
