package dev.fluxtune.pipeline.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RecordBatchTest {
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingIsHeld() {
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
  }

  /** The one batch of a fixture. */
  private RecordBatch batch(String name) {
    return Fixtures.read(allocator, Fixtures.file(name)).single().block();
  }

  @ParameterizedTest
  @CsvSource({
    "prepared.parquet, int32", "prepared.parquet, int64", "prepared.parquet, large",
    "prepared.arrow, int32", "prepared.arrow, int64", "prepared.arrow, large",
    "prepared.jsonl, int32"
  })
  void givesListsOfWholeNumbers(String name, String column) {
    try (RecordBatch batch = batch(name)) {
      assertThat(batch.ints(0, column)).hasValue(new int[] {1, 2, 3});
      assertThat(batch.ints(1, column)).hasValue(new int[0]);
      assertThat(batch.ints(2, column)).isEmpty();
      assertThat(batch.ints(3, column)).hasValue(new int[] {4, 5, Integer.MAX_VALUE, -100});
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"prepared.parquet", "prepared.arrow", "prepared.jsonl"})
  void givesListsOfBooleansAsOnesAndZeros(String name) {
    try (RecordBatch batch = batch(name)) {
      assertThat(batch.ints(0, "bool")).hasValue(new int[] {1, 0, 1});
      assertThat(batch.ints(1, "bool")).hasValue(new int[0]);
      assertThat(batch.ints(2, "bool")).isEmpty();
      assertThat(batch.ints(3, "bool")).hasValue(new int[] {1, 1, 1, 0});
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"prepared.parquet", "prepared.arrow"})
  void givesListsOfSmallAndUnsignedNumbersAndOfFixedLength(String name) {
    try (RecordBatch batch = batch(name)) {
      assertThat(batch.ints(3, "int16")).hasValue(new int[] {4, 5, 6, -100});
      assertThat(batch.ints(3, "uint8")).hasValue(new int[] {4, 5, 255});
      assertThat(batch.ints(0, "fixed")).hasValue(new int[] {1, 2});
      assertThat(batch.ints(2, "fixed")).isEmpty();
      assertThat(batch.ints(3, "fixed")).hasValue(new int[] {5, 6});
      assertThat(batch.ints(1, "unsigned")).hasValue(new int[] {Integer.MAX_VALUE});
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"prepared.parquet", "prepared.arrow", "prepared.jsonl"})
  void refusesListsOfAnythingElse(String name) {
    String place = Fixtures.file(name).toString();
    try (RecordBatch batch = batch(name)) {
      assertThat(batch.ints(0, "too_large")).hasValue(new int[] {1});
      assertRefused(
          () -> batch.ints(1, "too_large"),
          place + ":2: column too_large is a list that holds the number 2147483648");
      assertThat(batch.ints(2, "too_large")).isEmpty();
      assertRefused(() -> batch.ints(3, "too_large"), place + ":4:", "the number 1099511627776");
      assertRefused(
          () -> batch.ints(1, "holed"), place + ":2: column holed is a list that holds null");
      assertThat(batch.ints(3, "holed")).hasValue(new int[] {2});
      assertRefused(
          () -> batch.ints(3, "floats"),
          place + ":4: column floats is ",
          "where a list of whole numbers is needed");
      assertRefused(() -> batch.ints(0, "texts"), place + ":1: column texts is ");
      assertRefused(() -> batch.ints(0, "number"), place + ":1: column number is ");
      assertThat(batch.ints(2, "number")).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"prepared.parquet", "prepared.arrow"})
  void namesTheTypeOfColumnsThatAreNeitherTextNorNumbers(String name) {
    try (RecordBatch batch = batch(name)) {
      assertThat(batch.columns()).contains("int32", "messages", "nothing", "binary");
      assertRefused(
          () -> batch.text(0, "messages"),
          "column messages is of type list of struct, where text is needed; chat messages cannot be"
              + " read yet: turn them into text");
      assertRefused(
          () -> batch.text(0, "binary"), "column binary is of type binary, where text is needed");
      assertRefused(() -> batch.text(0, "number"), "column number is of type int");
      assertRefused(
          () -> batch.text(0, "int32"),
          "column int32 is a list of whole numbers, where text is needed");
      assertRefused(() -> batch.ints(3, "unsigned"), "the number 4294967295");
      assertThat(batch.text(0, "nothing")).isEmpty();
      assertThat(batch.text(0, "no such column")).isEmpty();
      assertThat(batch.ints(0, "no such column")).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"latin1.parquet", "latin1.arrow"})
  void refusesTextThatIsNotUtf8(String name) {
    try (RecordBatch batch = batch(name)) {
      assertThat(batch.text(0, "text")).isEqualTo(Optional.of("fine"));
      assertRefused(
          () -> batch.text(1, "text"),
          Fixtures.file(name) + ":2: column text is not UTF-8 (0xE9 at byte 3)");
      assertRefused(() -> batch.ints(0, "text"), ":1: column text is text, where a list");
    }
  }

  @Test
  void mayBeClosedTwice() {
    RecordBatch batch = batch("datasets.jsonl");
    batch.close();
    batch.close();
  }

  private static void assertRefused(ThrowingCallable read, String... parts) {
    assertThatThrownBy(read).isInstanceOf(BadInputException.class).hasMessageContainingAll(parts);
  }
}
