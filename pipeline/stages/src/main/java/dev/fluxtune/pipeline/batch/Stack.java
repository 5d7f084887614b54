package dev.fluxtune.pipeline.batch;

import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Ledger;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.Function;
import reactor.core.publisher.Flux;

/** Stacks the chunks of one epoch into batches. */
public final class Stack {
  private Stack() {}

  /**
   * The stage. One batch is made on demand from {@code size} chunks; the last may be short.
   *
   * @param size chunks in a batch, at least 1
   * @param padId the id that fills up shorter chunks; needed only where lengths differ
   * @param dropLast whether a short last batch is dropped
   * @param atEnd given what the batches held, when the epoch is complete: {@code trained}, {@code
   *     masked}, and {@code shortBatch} for what was dropped
   */
  public static Function<Flux<Chunk>, Flux<Batch>> of(
      int size, OptionalInt padId, boolean dropLast, Consumer<Ledger> atEnd) {
    return chunks ->
        Flux.defer(
            () -> {
              Account account = new Account();
              return chunks
                  .buffer(size)
                  .filter(stack -> account.keeps(stack, dropLast && stack.size() < size))
                  .map(stack -> Batch.stack(stack, padId))
                  .doOnComplete(() -> atEnd.accept(account.ledger));
            });
  }

  private static final class Account {
    private Ledger ledger = Ledger.EMPTY;

    boolean keeps(List<Chunk> stack, boolean drop) {
      for (Chunk chunk : stack) {
        ledger = ledger.packed(chunk);
        if (drop) {
          ledger = ledger.shortBatch(chunk);
        }
      }
      return !drop;
    }
  }
}
