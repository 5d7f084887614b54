package dev.fluxtune.pipeline.shuffle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.pipeline.source.RecordBatch;
import dev.fluxtune.pipeline.source.Rows;
import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.publisher.Flux;

/** Tests {@link SetAside}. */
class SetAsideTest {
  private static final int ROWS = 1300; // in three batches

  @TempDir Path folder;
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingIsLeft() {
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
  }

  private static List<String> all() {
    return IntStream.range(0, ROWS).mapToObj(i -> "row " + i).toList();
  }

  private Flux<RecordBatch> read() throws IOException {
    Path file = folder.resolve("rows.jsonl");
    Files.write(file, all().stream().map("{\"text\": \"%s\", \"n\": null}"::formatted).toList());
    return Rows.read(List.of(file), Map.of(), List.of(), BadRows.fail(), allocator);
  }

  private List<String> kept(SetAside split, boolean aside) throws IOException {
    List<String> texts = new ArrayList<>();
    for (RecordBatch batch : read().transform(split.keep(aside, allocator)).toIterable(1)) {
      try (batch) {
        assertThat(batch.size()).isPositive();
        for (int row = 0; row < batch.size(); row++) {
          String text = batch.text(row, "text").orElseThrow();
          assertThat(batch.place(row)).endsWith(":" + (Integer.parseInt(text.substring(4)) + 1));
          texts.add(text);
        }
      }
    }
    return texts;
  }

  @Test
  void eachRowIsInOnePartInItsOrder() throws IOException {
    SetAside split = SetAside.of(ROWS, 0.1, 7);
    List<String> test = kept(split, true);
    List<String> train = kept(split, false);
    assertThat(test).hasSize(130);
    assertThat(train).hasSize(ROWS - 130).doesNotContainAnyElementsOf(test);
    assertThat(all().stream().filter(test::contains).toList()).isEqualTo(test);
    assertThat(all().stream().filter(train::contains).toList()).isEqualTo(train);
    assertThat(kept(split, true)).isEqualTo(test);
    assertThat(kept(SetAside.of(ROWS, 0.1, 8), true)).isNotEqualTo(test);
  }

  @Test
  void batchesWithoutARowOfAPartAreLeftOut() throws IOException {
    assertThat(kept(SetAside.of(ROWS, 1, 3), true)).hasSize(1);
    assertThat(kept(SetAside.of(ROWS, ROWS - 1, 3), false)).hasSize(1);
  }

  @Test
  void whatIsReadAheadIsReleasedWhereNobodyWantsMore() throws IOException {
    read()
        .transform(SetAside.of(ROWS, 0.5, 3).keep(true, allocator))
        .take(1)
        .doOnNext(RecordBatch::close)
        .blockLast();
  }

  /** As {@code datasets.Dataset.train_test_split} of 4.x: ceil of a share. */
  @ParameterizedTest
  @CsvSource({"10, 0.25, 3", "10, 0.3, 3", "7, 0.5, 4", "5600, 0.1, 560", "9, 4, 4", "2, 1, 1"})
  void thePartHasTheSizeAskedFor(long rows, double size, long count) {
    SetAside split = SetAside.of(rows, size, 42);
    assertThat(split.count()).isEqualTo(count);
    assertThat(LongStream.range(0, rows).filter(split::is)).hasSize((int) count);
  }

  @Test
  void rowsAreSpreadOverTheWhole() {
    SetAside split = SetAside.of(100_000, 0.2, 1);
    for (int part = 0; part < 10; part++) {
      long from = part * 10_000L;
      assertThat(LongStream.range(from, from + 10_000).filter(split::is).count())
          .isBetween(1_800L, 2_200L);
    }
  }

  @ParameterizedTest
  @CsvSource({"10, 10", "10, 11", "1, 0.5", "0, 0.5"})
  void somethingIsLeftToTrainOn(long rows, double size) {
    assertThatThrownBy(() -> SetAside.of(rows, size, 42))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("leaves none to train on");
  }

  @Test
  void moreRowsThanWereCountedAreTheFilesFault() {
    for (boolean aside : new boolean[] {true, false}) {
      assertThatThrownBy(() -> kept(SetAside.of(ROWS - 1, 0.5, 3), aside))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("changed while they were read");
    }
  }
}
