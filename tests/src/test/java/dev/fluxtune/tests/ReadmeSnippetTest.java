package dev.fluxtune.tests;

import static dev.fluxtune.schemas.RunConfig.Scheduler.COSINE;
import static dev.fluxtune.trainer.model.Trained.everything;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import dev.fluxtune.pipeline.mask.Mask;
import dev.fluxtune.pipeline.pack.Pack;
import dev.fluxtune.pipeline.tokenize.Tokenize;
import dev.fluxtune.pipeline.tokenize.Tokenizer;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.loop.Optimizer;
import dev.fluxtune.trainer.loop.Schedule;
import dev.fluxtune.trainer.loop.Train;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Llama;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.Weights;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** The Java of the README, as it stands there. */
class ReadmeSnippetTest {
  record Ticket(String question, String answer) {}

  private static Flux<Chunk> chunks(Flux<Ticket> tickets, Tokenizer tokenizer) {
    // README: begin pack
    return tickets
        .map(it -> Prompted.of("Question: " + it.question() + "\nAnswer: ", it.answer()))
        .buffer(512)
        .transform(Tokenize.with(tokenizer::encode, 2)) // over two cores, order kept
        .map(Mask.exact()) // trains the answer, and the token that ends it
        .transform(Pack.with(new Packing.Bfd(1024, 1000)));
    // README: end
  }

  @Test
  void packsAnyFluxOfRows() {
    Path tiny = Path.of(System.getProperty("fluxtune.home"), "datasets/tiny-tasks/tokenizer");
    try (Tokenizer tokenizer =
        Tokenizer.open(tiny, Optional.empty(), Optional.empty(), OptionalInt.empty())) {
      Flux<Ticket> tickets =
          Flux.range(0, 2000).map(i -> new Ticket("What is " + i + " plus one?", "" + (i + 1)));
      long documents =
          chunks(tickets, tokenizer)
              .doOnNext(chunk -> assertThat(chunk.length()).isLessThanOrEqualTo(1024))
              .map(chunk -> chunk.seqLengths().length)
              .reduce(0, Integer::sum)
              .block();
      assertThat(documents).isEqualTo(2000);
    }
  }

  private static void train(Path folder, Flux<Batch> batches, long chunks) {
    // README: begin train
    ModelConfig config = ModelConfig.read(folder);
    StepPlan plan = new StepPlan(chunks, 2, 1, false, 1, -1, 0.1);
    Schedule schedule = new Schedule(COSINE, 2e-3, plan.warmupSteps(), plan.totalSteps(), Map.of());
    try (Weights weights = Weights.random(config, 42, Device.cpu(), Dtype.FLOAT32);
        Llama model = new Llama(config, weights, new Llama.Options(everything(), false, false));
        Optimizer adamw = Optimizer.of(weights, weights.names(), Optimizer.Settings.DEFAULTS);
        Train train = Train.on(model, adamw, plan, Train.Settings.of(schedule))) {
      batches.transform(train).doOnNext(System.out::println).blockLast();
    }
    // README: end
  }

  @Test
  void trainsFromAnyFluxOfBatches() {
    Path tiny = Path.of(System.getProperty("fluxtune.home"), "datasets/tiny-tasks");
    int[] ids = IntStream.range(1, 65).toArray();
    int[] labels = ids.clone();
    labels[0] = Chunk.IGNORED;
    Chunk chunk = new Chunk(ids, labels, new int[] {64});
    Flux<Batch> batches =
        Flux.range(0, 4).map(i -> Batch.stack(List.of(chunk, chunk), OptionalInt.empty()));
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      train(tiny, batches, 8);
    } finally {
      System.setOut(before);
    }
    assertThat(printed.toString(StandardCharsets.UTF_8).lines())
        .hasSize(5)
        .last()
        .asString()
        .isEqualTo("End[step=4, stopped=false]");
  }
}
