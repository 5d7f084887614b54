package dev.fluxtune.app.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.time.Duration;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class PointsTest {
  private final Points points = new Points();

  private void add(long steps) {
    for (long step = 1; step <= steps; step++) {
      points.add(Point.of(Made.step(step, (double) step), 1L << 30));
    }
  }

  private static JsonNode json(Point point) {
    return point.json(JsonNodeFactory.instance.arrayNode());
  }

  @Test
  void keepsEachStepAsLongAsThereIsRoom() {
    add(Points.MOST);
    assertThat(points.size()).isEqualTo(Points.MOST);
    assertThat(points.stride()).isEqualTo(1);
    // step, epoch, loss, norm, rate, tokens/s, waiting, MFU, host GiB, device GiB
    assertThat(json(points.from(0).get(2)))
        .hasToString("[3,0.06,3.0,1.0,0.001,2560.0,0.1,null,1.0,null]");
  }

  @Test
  void takesNeighboursTogetherWhereThereIsNone() {
    add(3L * Points.MOST);
    assertThat(points.stride()).isEqualTo(4);
    assertThat(points.size()).isEqualTo(3 * Points.MOST / 4);
    for (int i = 0; i < points.size(); i++) {
      JsonNode point = json(points.from(i).get(0));
      assertThat(point.get(0).asLong()).isEqualTo(4L * i + 4);
      assertThat(point.get(2).asDouble()).isEqualTo(4 * i + 2.5, within(1e-2)); // of 4i+1 … 4i+4
      assertThat(point.get(5).asDouble()).isEqualTo(2560);
    }
  }

  @Test
  void neverHoldsMoreThanTheMost() {
    for (long step = 1; step < 100_000; step++) {
      points.add(Point.of(Made.step(step, 1), 0));
      assertThat(points.size()).isBetween(1, Points.MOST);
    }
    assertThat(json(points.from(points.size() - 1).get(0)).get(0).asLong()).isEqualTo(99_999);
  }

  @Test
  void tellsTheMeanUseOfACardAndItsMostMemory() {
    RunEvent.Step plain = Made.step(1, 1);
    RunEvent.Step onCard =
        new RunEvent.Step(
            1,
            plain.epoch(),
            plain.loss(),
            plain.gradNorm(),
            plain.learningRate(),
            plain.tokens(),
            plain.trainedTokens(),
            Duration.ofSeconds(1),
            Duration.ZERO,
            OptionalDouble.of(0.25),
            OptionalLong.of(3L << 30));
    JsonNode both = json(Point.of(onCard, 0).plus(Point.of(onCard, 0)));
    assertThat(both.get(7).asDouble()).isEqualTo(0.25);
    assertThat(both.get(9).asDouble()).isEqualTo(3);
  }

  @Test
  void whatIsNoNumberIsNull() {
    assertThat(json(Point.of(Made.step(1, Double.NaN), 0)).get(2).isNull()).isTrue();
    assertThat(json(Point.of(Made.step(1, Double.POSITIVE_INFINITY), 0)).get(2).isNull()).isTrue();
  }

  @Test
  void aLogIsAPointOfWhatItTells() {
    TrainerState.Log log =
        new TrainerState.Log(
            10,
            0.5,
            Map.of(
                "loss", 2.0, "learning_rate", 0.25, "tokens_per_second", 500.0, "data_wait", 0.5));
    assertThat(json(Point.of(log))).hasToString("[10,0.5,2.0,null,0.25,500.0,0.5,null,null,null]");
    TrainerState.Log less = new TrainerState.Log(10, 0.5, Map.of("loss", 2.0));
    assertThat(json(Point.of(less))).hasToString("[10,0.5,2.0,null,null,null,null,null,null,null]");
  }
}
