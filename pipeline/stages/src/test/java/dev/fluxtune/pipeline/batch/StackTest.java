package dev.fluxtune.pipeline.batch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Ledger;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

class StackTest {
  private static final int I = Chunk.IGNORED;

  /** Chunk k: three tokens, of which one is trained. */
  private static Flux<Chunk> chunks(int n) {
    return Flux.range(1, n)
        .map(k -> new Chunk(new int[] {k, k, k}, new int[] {I, I, k}, new int[] {3}));
  }

  @Test
  void theLastBatchMayBeShort() {
    AtomicReference<Ledger> ledger = new AtomicReference<>();
    StepVerifier.create(
            chunks(5)
                .transform(Stack.of(2, OptionalInt.empty(), false, ledger::set))
                .map(batch -> batch.size() + " x " + batch.length()))
        .expectNext("2 x 3", "2 x 3", "1 x 3")
        .verifyComplete();
    assertThat(ledger.get()).isEqualTo(new Ledger(0, 0, 5, 10, 0, 0, 0, 0, 0));
  }

  @Test
  void aShortLastBatchIsDroppedAndAccountedFor() {
    AtomicReference<Ledger> ledger = new AtomicReference<>();
    StepVerifier.create(chunks(5).transform(Stack.of(2, OptionalInt.empty(), true, ledger::set)))
        .expectNextCount(2)
        .verifyComplete();
    assertThat(ledger.get()).isEqualTo(new Ledger(0, 0, 4, 8, 0, 0, 0, 0, 3));
  }

  @Test
  void readsNoFurtherThanTheBatchThatWasAskedFor() {
    AtomicInteger read = new AtomicInteger();
    StepVerifier.create(
            chunks(100)
                .doOnNext(chunk -> read.incrementAndGet())
                .transform(Stack.of(4, OptionalInt.empty(), false, end -> {})),
            1)
        .expectNextCount(1)
        .then(() -> assertThat(read).hasValue(4))
        .thenRequest(1)
        .expectNextCount(1)
        .then(() -> assertThat(read).hasValue(8))
        .thenCancel()
        .verify();
  }
}
