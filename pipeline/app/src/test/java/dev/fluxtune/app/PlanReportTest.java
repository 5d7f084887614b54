package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Counts;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.StepPlan;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class PlanReportTest {
  private static final StepPlan STEPS = new StepPlan(1, 1, 1, false, 1, -1, 0);
  private static final Chunk CHUNK =
      new Chunk(new int[] {1, 2, 3}, new int[] {-100, 2, 3}, new int[] {3});

  private static String table(Ledger ledger) {
    return PlanReport.of(new Counts(1, ledger), OptionalInt.of(3), STEPS).table().toString();
  }

  @Test
  void saysWhatMaxLengthCutsOff() {
    assertThat(table(Ledger.EMPTY.read(10).truncated(7).packed(CHUNK)))
        .containsPattern("truncated tokens +7  70.0 %, beyond max_length");
    assertThat(table(Ledger.EMPTY.read(3).packed(CHUNK))).doesNotContain("truncated");
  }
}
