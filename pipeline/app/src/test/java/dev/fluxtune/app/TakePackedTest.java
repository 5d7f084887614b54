package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.ShardFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code plan} takes the shards in {@code output_dir/packed} if they are what it would pack. */
class TakePackedTest {
  private static final Path TOKENIZER = Configs.HOME.resolve("datasets/tiny-tasks/tokenizer");

  @TempDir Path folder;
  private Path rows;

  @BeforeEach
  void packed() throws IOException {
    rows = folder.resolve("rows.jsonl");
    Files.writeString(rows, "{\"prompt\": \"1 + 1 = \", \"completion\": \"2\"}\n".repeat(50));
    assertThat(run("pack", 16, folder.resolve("run/packed")).code()).isZero();
  }

  private CommandRun run(String verb, int maxLength, Path output) {
    return CommandRun.of(
        folder.resolve("cache"),
        verb,
        "--dataset_name",
        rows,
        "--tokenizer_name_or_path",
        TOKENIZER,
        "--max_length",
        maxLength,
        "--output_dir",
        output);
  }

  @Test
  void ofTheSameSettings() {
    CommandRun plan = run("plan", 16, folder.resolve("run"));

    assertThat(plan.err()).contains("taken from " + folder.resolve("run/packed"));
    assertThat(plan.err()).doesNotContain("counting");
    assertThat(plan.out()).isEqualTo(run("plan", 16, folder.resolve("elsewhere")).out());
  }

  @Test
  void notOfOthers() {
    CommandRun plan = run("plan", 8, folder.resolve("run"));

    assertThat(plan.err()).contains("max_length: 16 → 8", "left alone", "counting");
    assertThat(plan.out()).isEqualTo(run("plan", 8, folder.resolve("elsewhere")).out());
  }

  @Test
  void partsOfAPackingThatWasStoppedAreTold() throws IOException {
    Path packed = folder.resolve("run/packed");
    assertThat(planOf(packed).err()).doesNotContain("manifest");
    Files.delete(packed.resolve(ShardFormat.MANIFEST));
    assertThat(planOf(packed).err())
        .contains("note: " + packed + ": holds packed shards and no manifest", "were not all");
  }

  private CommandRun planOf(Path packed) {
    CommandRun plan = CommandRun.of(folder.resolve("cache"), "plan", "--dataset_name", packed);
    assertThat(plan.code()).as(plan.err()).isZero();
    return plan;
  }
}
