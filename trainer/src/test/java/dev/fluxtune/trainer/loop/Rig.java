package dev.fluxtune.trainer.loop;

import ai.djl.Device;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.RunConfig.Scheduler;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Fixture;
import dev.fluxtune.trainer.model.Llama;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.Trained;
import dev.fluxtune.trainer.model.Weights;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import reactor.core.publisher.Flux;

/** A small model with all that training it takes. */
record Rig(ModelConfig config, Weights weights, Llama model, Optimizer optimizer)
    implements AutoCloseable {
  static final ModelConfig TINY =
      new ModelConfig(
          "llama",
          8,
          4,
          4,
          1,
          1,
          1,
          4,
          1e-5,
          1e4,
          Optional.empty(),
          false,
          false,
          OptionalInt.empty(),
          OptionalInt.empty(),
          0.5);

  /** A model of 1 layer and 8 tokens: a step takes well under a millisecond. */
  static Rig tiny() {
    return of(
        TINY,
        Weights.random(TINY, 1, Device.cpu(), Dtype.FLOAT32),
        Trained.everything(),
        false,
        Optimizer.Settings.DEFAULTS);
  }

  static Rig of(Fixture fixture, Trained trained, boolean checkpointing) {
    return of(
        fixture.config(),
        fixture.weights(),
        trained,
        checkpointing,
        new Optimizer.Settings(0.9, 0.999, 1e-8, 0.01, 1));
  }

  static Rig of(
      ModelConfig config,
      Weights weights,
      Trained trained,
      boolean checkpointing,
      Optimizer.Settings settings) {
    return new Rig(
        config,
        weights,
        new Llama(config, weights, new Llama.Options(trained, checkpointing, false)),
        Optimizer.of(weights, trained.names(config), settings));
  }

  /** Weights in bf16, masters in single precision. */
  static Rig withMasters(Fixture fixture) {
    ModelConfig config = fixture.config();
    Weights weights = Weights.read(fixture.folder(), config, Device.cpu(), Dtype.BFLOAT16);
    Weights masters = Weights.read(fixture.folder(), config, Device.cpu(), Dtype.FLOAT32);
    return new Rig(
        config,
        weights,
        new Llama(config, weights, new Llama.Options(Trained.everything(), true, false)),
        Optimizer.withMasters(weights, masters, Optimizer.Settings.DEFAULTS));
  }

  static Train.Settings settings(double rate) {
    return Train.Settings.of(new Schedule(Scheduler.CONSTANT, rate, 0, 1, Map.of()));
  }

  /** Trains to the end and waits for it. */
  List<RunEvent> train(StepPlan plan, Train.Settings settings, Flux<Batch> batches) {
    try (Train train = Train.on(model, optimizer, plan, settings)) {
      return batches
          .transform(train)
          .collectList()
          .blockOptional(Duration.ofMinutes(2))
          .orElseThrow();
    }
  }

  /** The same, an event at a call. */
  Steps steps(
      Steps.Pass pass,
      StepPlan plan,
      Train.Settings settings,
      boolean overlapping,
      Flux<Batch> batches) {
    return new Steps(model, pass, optimizer, plan, settings, overlapping, batches);
  }

  Map<String, float[]> values() {
    Map<String, float[]> values = new LinkedHashMap<>();
    weights.names().forEach(name -> values.put(name, weights.get(name).toFloatArray()));
    return values;
  }

  static List<RunEvent.Step> steps(List<RunEvent> events) {
    return events.stream()
        .filter(RunEvent.Step.class::isInstance)
        .map(RunEvent.Step.class::cast)
        .toList();
  }

  /** Chunks of two documents with ids below {@code vocabulary} and ragged masks. */
  static List<Chunk> chunks(int count, int length, int vocabulary, long seed) {
    Random random = new Random(seed);
    List<Chunk> chunks = new ArrayList<>();
    for (int n = 0; n < count; n++) {
      int first = 1 + random.nextInt(length - 1);
      double trained = 0.1 + 0.9 * random.nextDouble();
      int[] ids = random.ints(length, 0, vocabulary).toArray();
      int[] labels = new int[length];
      for (int i = 0; i < length; i++) {
        boolean begins = i == 0 || i == first;
        labels[i] = !begins && random.nextDouble() < trained ? ids[i] : Chunk.IGNORED;
      }
      chunks.add(new Chunk(ids, labels, new int[] {first, length - first}));
    }
    return chunks;
  }

  /** The micro-batches of each epoch, one after the other. */
  static Flux<Batch> epochs(List<Chunk> chunks, int batchSize, boolean dropLast, long epochs) {
    return Flux.range(0, (int) epochs)
        .concatMap(
            epoch ->
                Flux.fromIterable(chunks)
                    .buffer(batchSize)
                    .filter(some -> !dropLast || some.size() == batchSize)
                    .map(some -> Batch.stack(some, OptionalInt.empty())),
            1);
  }

  @Override
  public void close() {
    optimizer.close();
    model.close();
    weights.close();
  }
}
