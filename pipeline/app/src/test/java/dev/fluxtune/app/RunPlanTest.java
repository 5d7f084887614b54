package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import dev.fluxtune.app.watch.Meters;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.loop.Schedule;
import dev.fluxtune.trainer.loop.Train;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The plan is what the trainer then does, whatever decides on steps. */
class RunPlanTest {
  /** Reactor's own meter of the batches that the trainer was given. */
  private static final String COUNTED = "fluxtune_batches_onNext_delay_seconds_count\\{.*} ";

  @TempDir Path folder;

  static LongStream seeds() {
    return LongStream.range(1000, 1030);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void isTheStepsOfTheTrainer(long seed) throws IOException {
    Random random = new Random(seed);
    Path model = SmallModel.in(folder.resolve("model"));
    List<Object> settings = PlanTest.settings(random, PlanTest.rows(random, folder));
    settings.addAll(List.of("model_name_or_path", model, "gradient_checkpointing", false));
    if (random.nextBoolean()) {
      pack(settings);
    }
    RunConfig config = Configs.of(settings.toArray());
    try (Ports io = Ports.open(config, Configs.SILENT);
        Trainee trainee = Trainee.open(Setup.of(model, config, Device.cpu()), config);
        Meters meters = new Meters()) {
      Counted counted =
          Counted.of(io, new Cache(folder.resolve("cache")), UnaryOperator.identity());
      StepPlan plan = PlanReport.steps(config, counted.counts().chunks());
      Reading read = Reading.ofRun();
      io.measureBy(meters);
      List<RunEvent> events = events(io, plan, trainee, read);

      long[] steps = LongStream.rangeClosed(1, plan.totalSteps()).toArray();
      assertThat(events.stream().filter(RunEvent.Step.class::isInstance).map(RunEvent::step))
          .as("seed %d, settings %s", seed, settings)
          .containsExactly(Arrays.stream(steps).boxed().toArray(Long[]::new));
      assertThat(events.get(events.size() - 1))
          .isEqualTo(new RunEvent.End(plan.totalSteps(), false));
      assertThat(meters.scrape().lines())
          .anyMatch(it -> it.matches(COUNTED + plan.microBatches(plan.totalSteps())));
      assertThat(read.size())
          .as("positions kept for checkpoints, which must not grow with the rows")
          .isLessThanOrEqualTo(1 + config.chunks().prefetch());
    }
  }

  private static List<RunEvent> events(Ports io, StepPlan plan, Trainee trainee, Reading read) {
    Train.Settings settings = Train.Settings.of(Schedule.of(io.config().training(), plan));
    try (Train train = Train.on(trainee.model(), trainee.optimizer(), plan, settings)) {
      return SftRecipe.run(io, plan, 0, read, batch -> {}, whole -> {}, train)
          .collectList()
          .blockOptional()
          .orElseThrow();
    }
  }

  /** Packs the rows, and takes the shards in their place. */
  private void pack(List<Object> settings) {
    Path packed = folder.resolve("packed");
    List<Object> arguments = new ArrayList<>(List.of("pack", "--output_dir", packed));
    for (int i = 0; i < settings.size(); i += 2) {
      arguments.addAll(List.of("--" + settings.get(i), settings.get(i + 1)));
    }
    CommandRun run = CommandRun.of(folder.resolve("cache"), arguments.toArray());
    assertThat(run.code()).as(run.err()).isZero();
    settings.set(settings.indexOf("dataset_name") + 1, packed);
  }
}
