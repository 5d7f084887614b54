package dev.fluxtune.app;

import dev.fluxtune.pipeline.batch.Stack;
import dev.fluxtune.pipeline.format.Prepared;
import dev.fluxtune.pipeline.format.RowKind;
import dev.fluxtune.pipeline.mask.Mask;
import dev.fluxtune.pipeline.pack.Pack;
import dev.fluxtune.pipeline.shard.Shards;
import dev.fluxtune.pipeline.shuffle.Shuffle;
import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.pipeline.tokenize.Tokenize;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.RunConfig.Sampling;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.schemas.Tokenized;
import dev.fluxtune.trainer.loop.Train;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.LongStream;
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
    Consumer<Ledger> checked =
        whole -> {
          bad.checkLeft(whole.documents());
          atEnd.accept(whole.trainable());
        };
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
          .transform(io.measured("rows"))
          .map(Prepared.documents(bad)) // → List<Tokenized>
          .transform(Pack.after(from));
    }
    return io.rows(bad) // Arrow record batches
        .transform(io.measured("rows"))
        .map(io.format(bad)) // → List<Prompted>
        .transform(Pack.after(from)) // what is packed already is not tokenized again
        .transform(Tokenize.with(io.tokenizer()::encode, io.workers())) // → List<Encoded>, in order
        .transform(io.measured("documents"))
        .map(Mask.exact()); // → List<Tokenized>
  }

  /**
   * The whole run: the batches of all epochs, trained on.
   *
   * @param train begins behind {@code from}
   * @param read learns how far rows were read when a batch was made
   * @param seen is shown the batches on their way
   * @param atEnd given the account of every token of each epoch that is complete
   */
  static Flux<RunEvent> run(
      Ports io,
      StepPlan plan,
      long from,
      Reading read,
      Consumer<Batch> seen,
      Consumer<Ledger> atEnd,
      Train train) {
    long first = plan.epoch(from);
    long behind = plan.microBatchesInEpoch(from);
    return Flux.fromStream(() -> LongStream.range(first, plan.epochsBegun()).boxed())
        .concatMap(
            epoch -> epoch(io, epoch, epoch == first ? behind : 0, read, io.badRows(), atEnd), 1)
        .transform(io.measured("batches"))
        .doOnNext(seen)
        .transform(train) // → RunEvent
        .doOnNext(
            event -> {
              if (event instanceof RunEvent.Step made) {
                read.reached(plan.epoch(made.step()), plan.microBatchesInEpoch(made.step()));
              }
            });
  }

  /**
   * Chunks to batches, in the order of an epoch: from shards where there are some, else packed on
   * the way.
   *
   * @param behind batches that were trained on before: not read again from shards, not given on
   * @param atEnd given the account of every token, when the epoch is complete and was not resumed
   */
  static Flux<Batch> epoch(
      Ports io, long epoch, long behind, Reading read, BadRows bad, Consumer<Ledger> atEnd) {
    RunConfig.Chunks settings = io.config().chunks();
    boolean random = settings.trainSamplingStrategy() == Sampling.RANDOM;
    long seed = io.config().training().chunkSeed();
    if (io.shards().isPresent()) {
      Shards shards = io.shards().get();
      long skip = Math.min(shards.manifest().chunks(), behind * settings.perDeviceTrainBatchSize());
      Flux<Chunk> chunks = random ? shards.shuffled(seed, epoch, skip) : shards.inOrder(skip);
      return chunks.transform(
          stack(
              io,
              batches -> {
                if (skip == 0) {
                  atEnd.accept(shards.manifest().ledger().stacked(batches));
                }
              }));
    }
    Ledger[] packed = {Ledger.EMPTY};
    Flux<Chunk> inOrder =
        chunks(io, Position.START, bad, whole -> packed[0] = whole)
            .doOnNext(read::packed)
            .map(Packed::chunk);
    return (random
            ? inOrder.transform(Shuffle.within(settings.shuffleBuffer(), seed, epoch))
            : inOrder)
        .transform(stack(io, batches -> atEnd.accept(packed[0].stacked(batches))))
        .doOnNext(batch -> read.batch(epoch))
        .skip(behind); // read again, not trained on again
  }

  private static Function<Flux<Chunk>, Flux<Batch>> stack(Ports io, Consumer<Ledger> atEnd) {
    return Stack.of(
        io.config().chunks().perDeviceTrainBatchSize(),
        io.endId(),
        io.config().chunks().dataloaderDropLast(),
        atEnd);
  }
}
