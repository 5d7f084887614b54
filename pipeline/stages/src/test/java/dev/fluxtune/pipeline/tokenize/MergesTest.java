package dev.fluxtune.pipeline.tokenize;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MergesTest {
  private static final int LAST = Merges.MOST_TOKENS - 1;

  @Test
  void findsEachPairAndNoOther() {
    Random random = new Random(1);
    Map<Long, Integer> ranks = new HashMap<>();
    while (ranks.size() < 5000) {
      ranks.putIfAbsent((long) random.nextInt(300) << 32 | random.nextInt(300), ranks.size());
    }
    Merges merges = new Merges(ranks.size());
    ranks.forEach((pair, rank) -> merges.add(left(pair), right(pair), rank, LAST - rank));
    for (long left = 0; left < 300; left++) {
      for (long right = 0; right < 300; right++) {
        int rank = merges.rank((int) left, (int) right);
        assertThat(rank).isEqualTo(ranks.getOrDefault(left << 32 | right, Merges.NONE));
        if (rank != Merges.NONE) {
          assertThat(merges.token(rank)).isEqualTo(LAST - rank);
        }
      }
    }
  }

  private static int left(long pair) {
    return (int) (pair >>> 32);
  }

  private static int right(long pair) {
    return (int) pair;
  }

  @Test
  void thePairOfTheLastTokenIsToldFromAFreePlace() {
    Merges merges = new Merges(1);
    assertThat(merges.rank(LAST, LAST)).isEqualTo(Merges.NONE);
    merges.add(LAST, LAST, 0, 5);
    assertThat(merges.rank(LAST, LAST)).isZero();
  }
}
