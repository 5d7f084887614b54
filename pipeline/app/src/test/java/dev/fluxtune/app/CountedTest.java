package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What was counted once is known, of the same rows and settings. */
class CountedTest {
  private static final String ROW = "{\"prompt\": \"1 + 1 = \", \"completion\": \"2\"}\n";

  @TempDir Path folder;
  private Path rows;

  private CommandRun plan(int maxLength) {
    CommandRun plan =
        CommandRun.of(
            folder.resolve("cache"),
            "plan",
            "--dataset_name",
            rows,
            "--tokenizer_name_or_path",
            Configs.HOME.resolve("datasets/tiny-tasks/tokenizer"),
            "--max_length",
            maxLength,
            "--on_bad_row",
            "skip",
            "--output_dir",
            folder.resolve("out"));
    assertThat(plan.code()).as(plan.err()).isZero();
    return plan;
  }

  @BeforeEach
  void counted() throws IOException {
    rows = Files.writeString(folder.resolve("rows.jsonl"), ROW.repeat(50));
    assertThat(plan(16).err()).contains("counting: ");
  }

  @Test
  void isKnownTheNextTime() {
    String first = plan(16).out();
    assertThat(plan(16).err()).doesNotContain("counting");
    assertThat(plan(16).out()).isEqualTo(first).contains("examples                             50");
  }

  @Test
  void isCountedAnewOfOtherSettings() {
    CommandRun other = plan(8);
    assertThat(other.err()).contains("counting");
    assertThat(other.out()).isNotEqualTo(plan(16).out());
  }

  @Test
  void isCountedAnewOfOtherRows() throws IOException {
    Files.writeString(rows, ROW.repeat(51));
    CommandRun other = plan(16);
    assertThat(other.err()).contains("counting");
    assertThat(other.out()).contains("examples                             51");
  }

  @Test
  void namesSkippedRowsByTheFileThatIsRead() throws IOException {
    Files.writeString(rows, ROW.repeat(50) + "{\"prompt\": 1}\n");
    plan(16);
    rows = Files.copy(rows, Files.createDirectory(folder.resolve("copy")).resolve("rows.jsonl"));
    assertThat(plan(16).err()).contains("skipped 1 bad row:\n  " + rows + ":51: ");
  }

  @Test
  void anEpochOfOtherDocumentsOrOfOtherTokensIsTold() {
    Ledger counted = Ledger.EMPTY.read(2, 6);
    Counted.check(counted, counted);
    for (Ledger other : List.of(Ledger.EMPTY.read(3, 6), Ledger.EMPTY.read(2, 7))) {
      assertThatThrownBy(() -> Counted.check(counted, other))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining(" tokens were 2 of 6, ");
    }
  }
}
