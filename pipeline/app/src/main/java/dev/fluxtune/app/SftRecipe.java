package dev.fluxtune.app;

import dev.fluxtune.pipeline.batch.Stack;
import dev.fluxtune.pipeline.format.Prepared;
import dev.fluxtune.pipeline.format.RowKind;
import dev.fluxtune.pipeline.mask.Mask;
import dev.fluxtune.pipeline.pack.Pack;
import dev.fluxtune.pipeline.shuffle.Shuffle;
import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.pipeline.tokenize.Tokenize;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.RunConfig.Sampling;
import dev.fluxtune.schemas.Tokenized;
import java.util.List;
import java.util.function.Consumer;
import reactor.core.publisher.Flux;

/** The whole run. If you read one file, read this one. */
final class SftRecipe {
  private SftRecipe() {}

  /**
   * Rows to chunks, in their order, from a place in the stream on: what {@code pack} writes and
   * {@code plan} counts.
   *
   * @param bad takes the rows that cannot be read
   * @param atEnd given the account of every token, when all rows are behind
   */
  static Flux<Packed> chunks(Ports io, Position from, BadRows bad, Consumer<Ledger> atEnd) {
    Consumer<Ledger> checked = whole -> atEnd.accept(whole.trainable());
    if (io.kind() == RowKind.PACKED) {
      return io.rows(bad) // Arrow record batches
          .map(Prepared.chunks(bad)) // → List<Chunk>
          .transform(Pack.after(from))
          .transform(Pack.already(from, checked)); // → Packed
    }
    return documents(io, from, bad).transform(Pack.from(io.packing(), from, checked)); // → Packed
  }

  private static Flux<List<Tokenized>> documents(Ports io, Position from, BadRows bad) {
    if (io.kind() == RowKind.PREPARED) {
      return io.rows(bad) // Arrow record batches
          .map(Prepared.documents(bad)) // → List<Tokenized>
          .transform(Pack.after(from));
    }
    return io.rows(bad) // Arrow record batches
        .map(io.format(bad)) // → List<Prompted>
        .transform(Pack.after(from)) // what is packed already is not tokenized again
        .transform(Tokenize.with(io.tokenizer()::encode, io.workers())) // → List<Encoded>, in order
        .map(Mask.exact()); // → List<Tokenized>
  }

  /**
   * Chunks to batches, in the order of an epoch: from shards where there are some, else packed on
   * the way.
   *
   * @param atEnd given the account of every token, when the epoch is complete
   */
  static Flux<Batch> epoch(Ports io, long epoch, BadRows bad, Consumer<Ledger> atEnd) {
    boolean random = io.config().chunks().trainSamplingStrategy() == Sampling.RANDOM;
    Ledger[] packed = {Ledger.EMPTY};
    return io.shards()
        .map(
            shards -> {
              packed[0] = shards.manifest().ledger();
              return random ? shards.shuffled(io.dataSeed(), epoch) : shards.inOrder();
            })
        .orElseGet(
            () -> {
              Flux<Chunk> inOrder =
                  chunks(io, Position.START, bad, whole -> packed[0] = whole).map(Packed::chunk);
              return random
                  ? inOrder.transform(
                      Shuffle.within(io.config().chunks().shuffleBuffer(), io.dataSeed(), epoch))
                  : inOrder;
            })
        .transform(
            Stack.of(
                io.config().chunks().perDeviceTrainBatchSize(),
                io.endId(),
                io.config().chunks().dataloaderDropLast(),
                batches -> atEnd.accept(packed[0].stacked(batches)))); // → Batch
  }
}
