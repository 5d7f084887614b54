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
    return table(ledger, STEPS);
  }

  private static String table(Ledger ledger, StepPlan steps) {
    return PlanReport.of(new Counts(1, ledger), OptionalInt.of(3), steps).table().toString();
  }

  @Test
  void saysWhatMaxLengthCutsOff() {
    assertThat(table(Ledger.EMPTY.read(10).truncated(7).packed(CHUNK)))
        .containsPattern("truncated tokens +7  70.0 %, beyond max_length");
    assertThat(table(Ledger.EMPTY.read(3).packed(CHUNK))).doesNotContain("truncated");
  }

  @Test
  void saysWhatNoBatchHolds() {
    assertThat(table(Ledger.EMPTY, new StepPlan(11, 4, 1, true, 1, -1, 0)))
        .containsPattern("dropped chunks +3  an epoch, in no batch \\(dataloader_drop_last\\)");
    assertThat(table(Ledger.EMPTY)).doesNotContain("dropped");
  }
}
