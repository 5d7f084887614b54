package dev.fluxtune.pipeline.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.pipeline.source.Rows;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Tokenized;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PreparedTest {
  private static final int I = Chunk.IGNORED;

  @TempDir Path folder;
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingIsLeftInMemory() {
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
  }

  private Path file(String rows) throws IOException {
    return Files.writeString(folder.resolve("rows.jsonl"), rows);
  }

  private List<Tokenized> documents(String rows, BadRows bad) throws IOException {
    return Rows.read(List.of(file(rows)), Map.of(), List.of(), bad, allocator)
        .map(Prepared.documents(bad))
        .flatMapIterable(list -> list)
        .collectList()
        .block();
  }

  private List<Chunk> chunks(String rows) throws IOException {
    BadRows bad = BadRows.fail();
    return Rows.read(List.of(file(rows)), Map.of(), List.of(), bad, allocator)
        .map(Prepared.chunks(bad))
        .flatMapIterable(list -> list)
        .collectList()
        .block();
  }

  @Test
  void trainsWhatLabelsSayElseTheMasksElseEverything() throws IOException {
    List<Tokenized> documents =
        documents(
            """
            {"input_ids": [5, 6, 7], "labels": [-100, 6, 7], "completion_mask": [1, 1, 1]}
            {"input_ids": [5, 6, 7], "completion_mask": [0, 0, 1]}
            {"input_ids": [5, 6, 7]}
            {"input_ids": [5, 6, 7], "assistant_masks": [0, 1, 0]}
            {"input_ids": [5, 6, 7], "completion_mask": [0, 1, 1], "assistant_masks": [1, 1, 0]}
            """,
            BadRows.fail());
    assertThat(documents).extracting(Tokenized::ids).containsOnly(new int[] {5, 6, 7});
    assertThat(documents.get(0).trained()).containsExactly(false, true, true);
    assertThat(documents.get(1).trained()).containsExactly(false, false, true);
    assertThat(documents.get(2).trained()).containsExactly(true, true, true);
    assertThat(documents.get(3).trained()).containsExactly(false, true, false);
    assertThat(documents.get(4).trained()).containsExactly(false, true, false);
  }

  @Test
  void chunksKeepTheirDocumentsAndTrainNoFirstToken() throws IOException {
    assertThat(
            chunks(
                "{\"input_ids\": [1, 2, 3, 4], \"labels\": [1, 2, 3, -100], \"seq_lengths\": [2, 2]}"))
        .containsExactly(
            new Chunk(new int[] {1, 2, 3, 4}, new int[] {I, 2, I, I}, new int[] {2, 2}));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{\"input_ids\": []}; input_ids is empty",
        "{\"input_ids\": [1, -2]}; input_ids holds -2",
        "{\"input_ids\": [1, 2], \"labels\": [1]}; labels must be as long as input_ids, 2 (got 1)",
        "{\"input_ids\": [1, 2], \"labels\": [1, 2, 3]}; labels must be as long as input_ids, 2 (got 3)",
        "{\"input_ids\": [1, 2], \"labels\": [1, 3]}; labels must hold the token's own id or -100",
        "{\"input_ids\": [1], \"completion_mask\": [2]}; completion_mask must hold 0 or 1 (got 2",
        "{\"input_ids\": null}; input_ids is missing or null"
      })
  void saysWhichRowAndColumnIsWrong(String row, String problem) {
    String good = "{\"input_ids\": [1]}\n";
    assertThatThrownBy(() -> documents(good + row, BadRows.fail()))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("rows.jsonl:2: column " + problem);
  }

  @Test
  void seqLengthsMustSumToTheIds() {
    assertThatThrownBy(() -> chunks("{\"input_ids\": [1, 2, 3], \"seq_lengths\": [2, 2]}"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("rows.jsonl:1: column seq_lengths must be positive and sum to the 3");
  }

  @Test
  void leavesBadRowsOutWhereTheyAreSkipped() throws IOException {
    BadRows bad = BadRows.skip();
    assertThat(documents("{\"input_ids\": [1]}\n{\"input_ids\": []}\n{\"input_ids\": [2]}\n", bad))
        .extracting(Tokenized::ids)
        .containsExactly(new int[] {1}, new int[] {2});
    assertThat(bad.count()).isEqualTo(1);
  }
}
