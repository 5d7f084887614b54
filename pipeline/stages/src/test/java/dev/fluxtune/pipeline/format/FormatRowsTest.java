package dev.fluxtune.pipeline.format;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.pipeline.source.RecordBatch;
import dev.fluxtune.pipeline.source.Rows;
import dev.fluxtune.schemas.Prompted;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@link Format} on record batches. */
class FormatRowsTest {
  @TempDir Path folder;
  private final BufferAllocator allocator = new RootAllocator();
  private final BadRows bad = BadRows.skip();

  @AfterEach
  void nothingIsLeftInMemory() {
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
  }

  private List<Prompted> formatted(
      String rows, Function<RecordBatch, List<Prompted>> format, Map<String, String> mapping)
      throws IOException {
    Path file = Files.writeString(folder.resolve("rows.jsonl"), rows);
    return Rows.read(List.of(file), mapping, List.of(), bad, allocator)
        .map(format)
        .flatMapIterable(list -> list)
        .collectList()
        .block();
  }

  @Test
  void aNullAbsentOrEmptyInputGivesThePromptWithoutInput() throws IOException {
    List<Prompted> prompts =
        formatted(
            """
            {"instruction": "i", "input": null, "output": "o"}
            {"instruction": "i", "output": "o"}
            {"instruction": "i", "input": "", "output": "o"}
            {"instruction": "i", "input": "x", "output": "o"}
            """,
            Format.with(RowKind.INSTRUCTION, "text", true, bad),
            Map.of());
    assertThat(prompts).hasSize(4);
    assertThat(prompts.subList(0, 3)).containsOnly(prompts.get(0));
    assertThat(prompts.get(0).text()).doesNotContain("### Input:");
    assertThat(prompts.get(3).text()).contains("### Input:\nx\n");
  }

  @Test
  void trainsEverythingWhereAsked() throws IOException {
    assertThat(
            formatted(
                "{\"prompt\": \"a\", \"completion\": \"b\"}\n",
                Format.with(RowKind.PROMPT_COMPLETION, "text", false, bad),
                Map.of()))
        .containsExactly(Prompted.of("ab"));
  }

  @Test
  void readsRenamedColumnsAndAnotherTextField() throws IOException {
    assertThat(
            formatted(
                "{\"q\": \"a\", \"r\": \"b\"}\n",
                Format.with(RowKind.PROMPT_COMPLETION, "text", true, bad),
                Map.of("q", "prompt", "r", "completion")))
        .containsExactly(Prompted.of("a", "b"));
    assertThat(
            formatted(
                "{\"story\": \"once\"}\n",
                Format.with(RowKind.TEXT, "story", false, bad),
                Map.of()))
        .containsExactly(Prompted.of("once"));
  }

  @Test
  void fillsATemplateAndSkipsRowsThatLackAColumn() throws IOException {
    Template template = Template.parse("{q}? {% generation %}{a}{% endgeneration %}", "t");
    assertThat(
            formatted(
                "{\"q\": \"x\", \"a\": \"y\"}\n{\"q\": \"x\"}\n",
                Format.with(template, true, bad),
                Map.of()))
        .containsExactly(Prompted.of("x? ", "y"));
    assertThat(bad.count()).isEqualTo(1);
    assertThat(bad.first().get(0)).contains("rows.jsonl:2: column a is missing or null");
    assertThat(bad.first().get(0)).doesNotContain("one kind");
  }

  @Test
  void rowsOfAnotherKindThanTheFirstAreToldThatAllMustBeOfOne() throws IOException {
    formatted(
        "{\"instruction\": \"i\", \"output\": \"o\"}\n",
        Format.with(RowKind.PROMPT_COMPLETION, "text", true, bad),
        Map.of());
    assertThat(bad.first().get(0))
        .contains("column prompt", "[instruction, output]", "of one kind");
  }
}
