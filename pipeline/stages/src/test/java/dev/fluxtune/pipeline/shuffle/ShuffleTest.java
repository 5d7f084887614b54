package dev.fluxtune.pipeline.shuffle;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

class ShuffleTest {
  private static List<Integer> order(int count, int buffer, long seed, long epoch) {
    return Flux.range(0, count)
        .transform(Shuffle.within(buffer, seed, epoch))
        .collectList()
        .block();
  }

  @Test
  void givesEachElementOnceInAnOrderOfSeedAndEpoch() {
    List<Integer> order = order(100, 10, 42, 0);
    assertThat(order)
        .containsExactlyInAnyOrderElementsOf(IntStream.range(0, 100).boxed().toList())
        .isEqualTo(order(100, 10, 42, 0))
        .isNotEqualTo(order(100, 10, 42, 1))
        .isNotEqualTo(order(100, 10, 43, 0));
  }

  @Test
  void anyOfThoseThatAreHeldMayComeFirst() {
    assertThat(LongStream.range(0, 200).mapToObj(seed -> order(20, 10, seed, 0).get(0)))
        .as("while others come")
        .hasSameElementsAs(IntStream.range(0, 10).boxed().toList());
    assertThat(LongStream.range(0, 200).mapToObj(seed -> order(10, 10, seed, 0).get(0)))
        .as("at the end")
        .hasSameElementsAs(IntStream.range(0, 10).boxed().toList());
  }

  @Test
  void readsItsBufferAndOneForEachDemanded() {
    AtomicInteger read = new AtomicInteger();
    StepVerifier.create(
            Flux.range(0, 1000)
                .doOnNext(i -> read.incrementAndGet())
                .transform(Shuffle.within(10, 1, 0)),
            0)
        .thenRequest(2)
        .expectNextCount(2)
        .then(() -> assertThat(read).hasValue(12))
        .thenCancel()
        .verify();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 1000, 100_003})
  void permutesEveryPlaceOnce(long size) {
    for (long epoch = 0; epoch < 3; epoch++) {
      Permutation permutation = new Permutation(size, 42, epoch);
      assertThat(LongStream.range(0, size).map(permutation::at).sorted().toArray())
          .isEqualTo(LongStream.range(0, size).toArray());
    }
  }

  @Test
  void leavesNoTraceOfTheOldOrder() {
    // Over many seeds each of 5 elements comes first about equally often.
    int[] first = new int[5];
    for (int seed = 0; seed < 5000; seed++) {
      first[(int) new Permutation(5, seed, 0).at(0)]++;
    }
    for (int count : first) {
      assertThat(count).isBetween(850, 1150); // 1,000 expected, σ = 28
    }
  }
}
