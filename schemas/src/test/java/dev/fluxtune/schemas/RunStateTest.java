package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.junit.jupiter.api.Test;

class RunStateTest {
  private static final StepPlan PLAN = new StepPlan(80, 8, 2, false, 1.5, 0, 0.1);

  private static RunState state(long microBatches) {
    ObjectNode settings = JsonNodeFactory.instance.objectNode().put("learning_rate", 2e-5);
    return new RunState(
        CheckpointFormat.VERSION,
        Manifest.fingerprint(settings),
        settings,
        PLAN,
        42,
        -7,
        9,
        1,
        microBatches,
        new Position(1_234_567_890_123L, 17, Ledger.EMPTY.read(3, 30)));
  }

  @Test
  void comesBackFromItsText() {
    assertThat(RunState.fromJson(state(8).toJson(), "s")).isEqualTo(state(8));
  }

  @Test
  void aPlaceThatIsNotInTheRunIsRefused() {
    assertThat(state(10).microBatches()).isEqualTo(PLAN.microBatchesPerEpoch());
    assertThatThrownBy(() -> state(11)).hasMessageContaining("11 batches of 10");
  }

  @Test
  void anotherFileOrVersionIsRefused() {
    String text = state(8).toJson();
    assertThatThrownBy(() -> RunState.fromJson("{}", "here/s.json"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("here/s.json");
    assertThatThrownBy(
            () -> RunState.fromJson(text.replace("\"version\" : 1", "\"version\" : 2"), "s"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("version 2");
    assertThatThrownBy(() -> RunState.fromJson(text.replace("\"epoch\"", "\"epoche\""), "s"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("damaged");
    assertThatThrownBy(() -> RunState.fromJson(text.replace("2.0E-5", "3.0E-5"), "s"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("fingerprint");
  }

  @Test
  void foldersAreKnownByTheirStep() {
    assertThat(CheckpointFormat.folder(500)).isEqualTo("checkpoint-500");
    assertThat(CheckpointFormat.step("checkpoint-500")).hasValue(500);
    assertThat(CheckpointFormat.step(".checkpoint-500.tmp")).isEmpty();
    assertThat(CheckpointFormat.step("checkpoint-best")).isEmpty();
    assertThat(CheckpointFormat.shard(1, 12)).isEqualTo("model-00002-of-00012.safetensors");
  }
}
