package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.trainer.model.Gpu;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The memory that {@code plan} predicts, for the embedded model. */
class MemoryReportTest {
  @TempDir Path folder;

  private CommandRun plan(Object... flags) {
    List<Object> arguments =
        new ArrayList<>(List.of("plan", "--per_device_train_batch_size", 8, "--max_length", 256));
    arguments.addAll(List.of(flags));
    return CommandRun.of(folder.resolve("cache"), arguments.toArray());
  }

  private JsonNode memory(Object... flags) throws Exception {
    List<Object> all = new ArrayList<>(List.of("--json"));
    all.addAll(List.of(flags));
    CommandRun run = plan(all.toArray());
    assertThat(run.code()).as(run.err()).isZero();
    return new ObjectMapper().readTree(run.out()).path("memory");
  }

  @Test
  void thePartsAddUpToThePeak() throws Exception {
    JsonNode memory = memory("--device_memory_gib", 4);
    long sum = 0;
    for (String part :
        List.of(
            "weights",
            "masters",
            "gradients",
            "optimizer",
            "kept",
            "recomputation",
            "logits",
            "workspace")) {
      sum += memory.path("parts").path(part).longValue();
    }
    assertThat(memory.path("peak").longValue()).isEqualTo(sum).isPositive();
    assertThat(memory.path("device").longValue()).isEqualTo(4L << 30);
    assertThat(memory.path("table")).isEmpty();
  }

  @Test
  void theLargestMicroBatchFitsAndDividesTheEffectiveBatch() throws Exception {
    Object[] accumulated = {"--gradient_accumulation_steps", 3, "--device_memory_gib", 0.815};
    JsonNode memory = memory(accumulated);
    int largest = memory.path("largest_batch_size").intValue();
    assertThat(24 % largest).isZero();
    assertThat(largest).isBetween(1, 23);
    JsonNode there = memory(with(accumulated, "--per_device_train_batch_size", largest));
    assertThat(there.path("peak").longValue()).isLessThanOrEqualTo((long) (0.815 * (1L << 30)));
  }

  private static Object[] with(Object[] flags, Object... more) {
    List<Object> all = new ArrayList<>(List.of(flags));
    all.addAll(List.of(more));
    return all.toArray();
  }

  @Test
  void comparesTheWaysToTrain() throws Exception {
    JsonNode table = memory("--device_memory_gib", 4, "--memory_table").path("table");
    assertThat(table.findValuesAsText("method"))
        .containsExactly(
            "full", "full", "last 2", "last 2", "LoRA", "LoRA", "QLoRA 8", "QLoRA 8", "QLoRA 4",
            "QLoRA 4");
    assertThat(table.findValues("largest_batch_size")).allMatch(it -> it.intValue() == 8);
    CommandRun text = plan("--device_memory_gib", 0.5, "--memory_table");
    assertThat(text.out()).contains("QLoRA 4, checkpointing", "does not fit", "predicted peak");
  }

  @Test
  void needsADevice() {
    if (Gpu.totalBytes().isEmpty()) {
      plan("--memory_table").refused("--device_memory_gib");
    }
    assertThat(plan("--device_memory_gib", 0).code()).isEqualTo(2);
  }
}
