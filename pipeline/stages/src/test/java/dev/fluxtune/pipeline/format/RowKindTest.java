package dev.fluxtune.pipeline.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowKindTest {
  private static Set<String> columns(String list) {
    return new LinkedHashSet<>(List.of(list.split(" ")));
  }

  @ParameterizedTest
  @CsvSource({
    "instruction output, text, INSTRUCTION",
    "instruction input output text, text, INSTRUCTION",
    "instruction input output story, story, TEXT",
    "prompt completion id, text, PROMPT_COMPLETION",
    "text, text, TEXT",
    "story, story, TEXT",
    "input_ids attention_mask, text, PREPARED",
    "input_ids labels seq_lengths, text, PACKED"
  })
  void tellsTheKindByTheColumns(String columns, String textField, RowKind kind) {
    assertThat(RowKind.of("f", columns(columns), textField, false)).isEqualTo(kind);
  }

  @Test
  void aTemplateReadsAnyColumnsButIds() {
    assertThat(RowKind.of("f", columns("q a"), "text", true)).isEqualTo(RowKind.TEMPLATE);
    assertThat(RowKind.of("f", columns("input_ids"), "text", true)).isEqualTo(RowKind.PREPARED);
  }

  @Test
  void refusesChatAndUnknownRowsAndSaysWhatToDo() {
    assertThatThrownBy(() -> RowKind.of("f.json", columns("messages"), "text", false))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("f.json: chat rows (messages) cannot be read yet; turn each into");
    assertThatThrownBy(() -> RowKind.of("f.json", columns("q a"), "text", false))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("the columns [q, a]")
        .hasMessageContaining("column_mapping");
  }

  @Test
  void trainsTheCompletionOnlyWhereThereIsOne() {
    assertThat(RowKind.INSTRUCTION.trainsCompletionOnly(Optional.empty())).isTrue();
    assertThat(RowKind.INSTRUCTION.trainsCompletionOnly(Optional.of(false))).isFalse();
    assertThat(RowKind.TEXT.trainsCompletionOnly(Optional.empty())).isFalse();
    assertThatThrownBy(() -> RowKind.TEXT.trainsCompletionOnly(Optional.of(true)))
        .isInstanceOf(BadInputException.class);
  }

  @Test
  void refusesRowsOfWhichNoColumnIsKept() {
    assertThatThrownBy(() -> RowKind.of("f", Set.of(), "text", false))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("f: its first rows have no column, or none that columns keeps");
  }

  @Test
  void tellsWhichNameWasMeant() {
    assertThatThrownBy(() -> RowKind.of("f", columns("promt completion"), "text", false))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("is promt meant to be prompt?");
  }

  @Test
  void refusesRowsWithoutTheColumnOfTextThatWasAskedFor() {
    assertThatThrownBy(
            () -> RowKind.of("f", columns("prompt completion content"), "contents", false))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("f: dataset_text_field is contents")
        .hasMessageContaining("did you mean content?");
  }
}
