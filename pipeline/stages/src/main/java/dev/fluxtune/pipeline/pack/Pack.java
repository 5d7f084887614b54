package dev.fluxtune.pipeline.pack;

import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.Tokenized;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import reactor.core.publisher.Flux;

/** Packs documents into chunks. The state of a packing lives in its subscription. */
public final class Pack {
  private Pack() {}

  /** Packs a whole stream. */
  public static Function<Flux<List<Tokenized>>, Flux<Chunk>> with(Packing how) {
    return documents ->
        documents.transform(from(how, Position.START, ledger -> {})).map(Packed::chunk);
  }

  /**
   * Packs a stream from a place in it; each chunk comes with the place of the next.
   *
   * @param start where to begin; the stream begins at document {@code start.document()}
   * @param atEnd given the account of the whole stream, when it is complete and balances
   */
  public static Function<Flux<List<Tokenized>>, Flux<Packed>> from(
      Packing how, Position start, Consumer<Ledger> atEnd) {
    return documents ->
        Flux.defer(
            () -> {
              Packer open = packer(how, start);
              return documents
                  .concatMapIterable(open::add, 1)
                  .concatWith(
                      Flux.defer(
                          () -> {
                            List<Packed> last = open.finish();
                            atEnd.accept(open.ledger().balanced());
                            return Flux.fromIterable(last);
                          }));
            });
  }

  /**
   * Passes chunks on that were packed before, from a place in their stream; each comes with the
   * place of the next, which counts chunks as documents.
   *
   * @param start where to begin; the stream begins at chunk {@code start.document()}
   * @param atEnd given the account of the whole stream, when it is complete
   */
  public static Function<Flux<List<Chunk>>, Flux<Packed>> already(
      Position start, Consumer<Ledger> atEnd) {
    return chunks ->
        Flux.defer(
            () -> {
              Position[] at = {start};
              return chunks
                  .concatMapIterable(list -> list, 1)
                  .map(
                      chunk -> {
                        Ledger ledger =
                            at[0]
                                .ledger()
                                .read(
                                    chunk.seqLengths().length - (chunk.padding() > 0 ? 1 : 0),
                                    chunk.length() - chunk.padding());
                        at[0] = new Position(at[0].document() + 1, 0, ledger.packed(chunk));
                        return new Packed(chunk, at[0]);
                      })
                  .doOnComplete(() -> atEnd.accept(at[0].ledger().balanced()));
            });
  }

  /** Leaves out what lies behind a place in the stream. */
  public static <T> Function<Flux<List<T>>, Flux<List<T>>> after(Position start) {
    return lists ->
        Flux.defer(
            () -> {
              long[] behind = {start.document()};
              return lists.handle(
                  (list, sink) -> {
                    int skip = (int) Math.min(behind[0], list.size());
                    behind[0] -= skip;
                    if (skip < list.size()) {
                      sink.next(list.subList(skip, list.size()));
                    }
                  });
            });
  }

  private static Packer packer(Packing how, Position start) {
    if (how instanceof Packing.Wrapped it) {
      return new Wrapped(it, start);
    }
    if (how instanceof Packing.Bfd it) {
      return new BestFit(it.maxLength(), it.window(), false, start);
    }
    if (how instanceof Packing.BfdSplit it) {
      return new BestFit(it.maxLength(), it.window(), true, start);
    }
    if (how instanceof Packing.None it) {
      // A window of one document: a chunk each, cut off at the longest length.
      return new BestFit(it.maxLength().orElse(Integer.MAX_VALUE), 1, false, start);
    }
    throw new AssertionError(how);
  }
}
