package dev.fluxtune.app.watch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** Tests {@link Meters}. */
class MetersTest {
  private final Meters meters = new Meters();

  @AfterEach
  void close() {
    meters.close();
  }

  private static RunEvent.Step step(long step) {
    return new RunEvent.Step(
        step,
        step / 4.0,
        OptionalDouble.of(2),
        OptionalDouble.of(1),
        1e-3,
        512,
        100,
        Duration.ofMillis(200),
        Duration.ofMillis(50),
        OptionalDouble.empty(),
        OptionalLong.of(1 << 30));
  }

  private List<String> lines() {
    return meters.scrape().lines().toList();
  }

  @Test
  void countWhatTheTrainerDoes() {
    meters.happened(step(5));
    meters.happened(step(6));
    meters.happened(new RunEvent.Saved(6, 1.5, Path.of("checkpoint-6"), Duration.ofSeconds(1)));
    assertThat(lines())
        .contains(
            "fluxtune_steps_total 2.0",
            "fluxtune_tokens_total 1024.0",
            "fluxtune_trained_tokens_total 200.0",
            "fluxtune_step_seconds_count 2",
            "fluxtune_step_seconds_sum 0.4",
            "fluxtune_step_wait_seconds_sum 0.1",
            "fluxtune_checkpoints_total 1.0",
            "fluxtune_global_step 6.0",
            "fluxtune_epoch 1.5",
            "fluxtune_device_memory_bytes 1.073741824E9");
  }

  @Test
  void holdTheLatestOfEachLoggedValue() {
    meters.logged(new TrainerState.Log(1, 0.1, Map.of("loss", 2.0, "grad_norm", Double.NaN)));
    meters.logged(new TrainerState.Log(2, 0.2, Map.of("loss", 1.5, "eval_loss", 1.25)));
    assertThat(lines())
        .contains("fluxtune_loss 1.5", "fluxtune_grad_norm NaN", "fluxtune_eval_loss 1.25");
  }

  @Test
  void tellHowManyBatchesLieReadyWhenAsked() {
    int[] ready = {2};
    meters.feed(() -> ready[0]);
    assertThat(lines()).contains("fluxtune_batches_ready 2.0");
    ready[0] = 0;
    assertThat(lines()).contains("fluxtune_batches_ready 0.0");
  }

  @Test
  void tellOfTheJvmsMemory() {
    assertThat(lines())
        .anyMatch(it -> it.startsWith("jvm_memory_used_bytes{area=\"heap\""))
        .anyMatch(it -> it.startsWith("jvm_buffer_memory_used_bytes{id=\"direct\""));
  }

  @Test
  void tellHowOftenAndHowLateAStageGivesOn() {
    meters.stage("rows", Flux.just(1, 2, 3)).blockLast();
    assertThat(lines())
        .anyMatch(it -> it.matches("fluxtune_rows_onNext_delay_seconds_count\\{.*} 3"))
        .anyMatch(it -> it.matches("fluxtune_rows_requested_sum\\{.*} .*"))
        .anyMatch(it -> it.matches("fluxtune_rows_flow_duration_seconds_count\\{.*} 1"));
  }
}
