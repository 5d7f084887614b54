package dev.fluxtune.pipeline.tokenize;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Encoded;
import dev.fluxtune.schemas.Prompted;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

class TokenizeTest {
  private static Encoded number(Prompted document) {
    return new Encoded(
        new int[] {Integer.parseInt(document.text())}, new int[1], new int[1], new int[0]);
  }

  private static Flux<List<Prompted>> rows(int lists, int size) {
    return Flux.range(0, lists)
        .map(
            list ->
                IntStream.range(0, size)
                    .mapToObj(i -> Prompted.of(String.valueOf(list * size + i)))
                    .toList());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 8})
  void keepsTheOrderWhateverTheWorkers(int workers) {
    List<Integer> ids =
        rows(20, 100)
            .transform(
                Tokenize.with(
                    document -> {
                      if (document.text().hashCode() % 7 == 0) {
                        LockSupport.parkNanos(200_000);
                      }
                      return number(document);
                    },
                    workers))
            .flatMapIterable(list -> list)
            .map(encoded -> encoded.ids()[0])
            .collectList()
            .block(Duration.ofSeconds(30));
    assertThat(ids).isEqualTo(IntStream.range(0, 2000).boxed().toList());
  }

  @Test
  void readsNoFurtherAheadThanItsWorkers() {
    AtomicInteger lists = new AtomicInteger();
    StepVerifier.create(
            rows(1000, 512)
                .doOnNext(list -> lists.incrementAndGet())
                .transform(Tokenize.with(TokenizeTest::number, 8)),
            1)
        .expectNextCount(1)
        .thenCancel()
        .verify(Duration.ofSeconds(30));
    assertThat(lists.get()).isLessThanOrEqualTo(4);
  }

  @Test
  void readsOneSliceMoreThanItHasWorkers() {
    AtomicInteger slices = new AtomicInteger();
    StepVerifier.create(
            rows(1000, 64)
                .doOnNext(slice -> slices.incrementAndGet())
                .transform(Tokenize.with(TokenizeTest::number, 2)),
            0)
        .expectSubscription()
        .expectNoEvent(Duration.ofMillis(200)) // time to read further, if it did
        .then(() -> assertThat(slices).hasValueLessThanOrEqualTo(4)) // three, and one to be cut
        .thenCancel()
        .verify(Duration.ofSeconds(30));
  }

  @Test
  void endsWhereAWorkerThrowsAnError() {
    StepVerifier.create(
            rows(3, 100)
                .transform(
                    Tokenize.with(
                        document -> {
                          throw new NoClassDefFoundError("gone");
                        },
                        2)))
        .expectErrorMatches(e -> e.getMessage().contains("gone"))
        .verify(Duration.ofSeconds(30));
  }
}
