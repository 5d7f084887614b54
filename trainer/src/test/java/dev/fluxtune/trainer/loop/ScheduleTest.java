package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.RunConfig.Scheduler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ScheduleTest {
  @Test
  void ratesEqualThoseOfTransformers() throws IOException {
    JsonNode golden =
        new JsonMapper()
            .readTree(Files.readAllBytes(Path.of("src/test/resources/loop/schedules.json")));
    double highest = golden.path("highest").doubleValue();
    assertThat(golden.path("cases")).hasSize(32);
    for (JsonNode one : golden.path("cases")) {
      Map<String, Double> arguments = new HashMap<>();
      one.path("arguments")
          .properties()
          .forEach(argument -> arguments.put(argument.getKey(), argument.getValue().doubleValue()));
      Schedule schedule =
          new Schedule(
              Scheduler.valueOf(one.path("type").asText().toUpperCase(Locale.ROOT)),
              highest,
              one.path("warmup").longValue(),
              one.path("total").longValue(),
              arguments);
      int step = 1;
      for (JsonNode rate : one.path("rates")) {
        assertThat(schedule.learningRate(step))
            .as("step %d of %s", step, one)
            .isCloseTo(rate.doubleValue(), within(highest * 1e-12));
        step++;
      }
    }
  }

  @Test
  void aWarmUpBeginsAtRateZero() {
    Schedule schedule = new Schedule(Scheduler.LINEAR, 0.5, 2, 4, Map.of());
    assertThat(schedule.learningRate(1)).isZero();
    assertThat(schedule.learningRate(2)).isEqualTo(0.25);
    assertThat(schedule.learningRate(3)).isEqualTo(0.5);
  }

  @ParameterizedTest
  @EnumSource(Scheduler.class)
  void argumentsThatAScheduleDoesNotTakeAreNamed(Scheduler type) {
    assertThatThrownBy(() -> new Schedule(type, 1, 0, 10, Map.of("min_lr", 0.1, "power", 2.0)))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("power")
        .hasMessageContaining(type.name().toLowerCase(Locale.ROOT));
  }

  @Test
  void aMinimumMustBeGivenOnce() {
    assertThatThrownBy(() -> new Schedule(Scheduler.COSINE_WITH_MIN_LR, 1, 0, 10, Map.of()))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("min_lr_rate");
    assertThatThrownBy(
            () ->
                new Schedule(
                    Scheduler.COSINE_WITH_MIN_LR,
                    1,
                    0,
                    10,
                    Map.of("min_lr", 0.1, "min_lr_rate", 0.1)))
        .isInstanceOf(BadInputException.class);
  }
}
