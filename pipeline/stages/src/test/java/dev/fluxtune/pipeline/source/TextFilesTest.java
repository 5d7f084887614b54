package dev.fluxtune.pipeline.source;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** JSON, JSON lines and CSV, good and bad. */
class TextFilesTest {
  @TempDir Path folder;
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingIsHeld() {
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
  }

  private Path write(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content);
  }

  /** The texts of one column. */
  private List<String> read(Path file, BadRows bad, String column) {
    return Fixtures.texts(Rows.read(List.of(file), Map.of(), List.of(), bad, allocator), column)
        .stream()
        .map(row -> row.get(0).orElse("-"))
        .toList();
  }

  private void assertRefused(Path file, String... parts) {
    assertThatThrownBy(() -> read(file, BadRows.skip(), "text"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContainingAll(parts);
  }

  @ParameterizedTest
  @ValueSource(strings = {"pandas.csv", "pandas.csv.gz", "excel.csv"})
  void readsCsvThatPythonWrote(String name) throws IOException {
    List<List<Optional<String>>> expected =
        Fixtures.expected().stream()
            .map(row -> row.stream().map(cell -> Optional.of(cell.orElse(""))).toList())
            .toList();
    assertThat(
            Fixtures.texts(
                Fixtures.read(allocator, Fixtures.file(name)), "instruction", "input", "output"))
        .isEqualTo(expected);
  }

  @Test
  void skipsBadLinesAndSaysWhich() throws IOException {
    Path file = folder.resolve("a.jsonl");
    String lines =
        """
        {"text": "one"}
        {"text": "cut
        {"text": "two"} {"text": "three"}
        ["text"]

        {"text": "caf\u00E9"}
        {"text": nope}
        "text"
        {"text": "last"}""";
    Files.writeString(file, lines, ISO_8859_1);
    BadRows bad = BadRows.skip();
    assertThat(read(file, bad, "text")).containsExactly("one", "last");
    assertThat(bad.count()).isEqualTo(6);
    assertThat(bad.first())
        .satisfiesExactly(
            m -> assertThat(m).startsWith(file + ":2: the line ends inside its object"),
            m -> assertThat(m).startsWith(file + ":3: more than one object on the line"),
            m -> assertThat(m).startsWith(file + ":4: the line is a list, where an object"),
            m -> assertThat(m).startsWith(file + ":6: not UTF-8 (0xE9 at byte 13 of the line)"),
            m -> assertThat(m).startsWith(file + ":7: malformed JSON: Unrecognized token 'nope'"),
            m -> assertThat(m).startsWith(file + ":8: the line is text, where an object"));
    assertThatThrownBy(() -> read(file, BadRows.fail(), "text"))
        .isInstanceOf(BadInputException.class)
        .hasMessageStartingWith(file + ":2: ")
        .hasMessageContaining("on_bad_row: skip");
  }

  @Test
  void leavesNoTraceOfABadLineInTheNext() throws IOException {
    Path file = write("a.jsonl", "{\"text\": \"x\", \"b\": oops}\n{\"c\": \"y\"}\n");
    assertThat(read(file, BadRows.skip(), "text")).containsExactly("-");
  }

  @Test
  void saysOfAnObjectOverManyLinesThatItMustBeOne() throws IOException {
    Path file = write("a.json", "{\n  \"text\": \"x\"\n}\n");
    assertThatThrownBy(() -> read(file, BadRows.fail(), "text"))
        .hasMessageStartingWith(
            file + ":1: the line ends inside its object; write each object on one line, whole");
  }

  @Test
  void tellsACellsTypeRowByRow() throws IOException {
    Path file =
        write(
            "a.jsonl",
            """
            {"text": "x"}
            {"text": 12.5}
            {"text": {"a": [1]}}
            {"text": null}
            {"text": [1, "a", [2], {"b": 3}]}
            {"text": true}
            {"text": "y", "text": "z"}
            {"text": [1, 2]}
            {"text": [1.5]}
            """);
    List<String> seen = new ArrayList<>();
    try (RecordBatch batch = Fixtures.read(allocator, file).single().block()) {
      for (int row = 0; row < batch.size(); row++) {
        try {
          seen.add(batch.text(row, "text").orElse("-"));
        } catch (BadInputException e) {
          seen.add(e.getMessage().replaceAll(".* column text is (.*), where text.*", "$1"));
        }
      }
      assertThat(batch.ints(7, "text")).hasValue(new int[] {1, 2});
    }
    assertThat(seen)
        .containsExactly(
            "x",
            "the number 12.5",
            "an object",
            "-",
            "a list that holds text",
            "true",
            "z",
            "a list of whole numbers",
            "a list that holds the number 1.5");
  }

  @Test
  void readsSurrogatesOfJson() throws IOException {
    Path file = write("a.jsonl", "{\"text\": \"\\ud83d\\ude00 \\ud83d\"}");
    assertThat(read(file, BadRows.fail(), "text")).containsExactly("😀 \uFFFD");
  }

  @Test
  void skipsWhatIsNoObjectInAnArray() throws IOException {
    Path file =
        write("a.json", " [ {\"text\": \"x\"}, 3, [{\"text\": \"no\"}], {\"text\": \"y\"} ] ");
    BadRows bad = BadRows.skip();
    assertThat(read(file, bad, "text")).containsExactly("x", "y");
    assertThat(bad.first())
        .satisfiesExactly(
            m -> assertThat(m).startsWith(file + ":2: the row is the number 3"),
            m -> assertThat(m).startsWith(file + ":3: the row is a list"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "a.json  | [{\"text\": \"x\"}, {\"text\": oops}]   | a.json:2: malformed JSON in line 1",
        "a.json  | [{\"text\": \"x\"} {\"text\": \"y\"}]     | a.json:1: malformed JSON",
        "a.json  | [{\"text\": \"x\"}, {\"te               | a.json:2: the array is cut short",
        "a.json  | [{\"text\": \"x\"}]]                   | a.json:1: malformed JSON in line 1",
        "a.json  | [{\"text\": \"x\"}] {\"text\": \"y\"}    | a.json: something follows the end",
        "a.json  | []                                   | a.json: no row",
        "a.csv   | text                                 | a.csv: no row",
        "a.csv   | text,text                            | a.csv: two columns are called text",
        "a.txt   | some text                            | a.txt: cannot tell what it is (it begins with 0x73)",
        "a.jsonl | oops                                 | a.jsonl: no row that can be used; 1 were skipped",
        "a.jsonl | ``                                   | a.jsonl: is empty",
        "a.parquet | ` `                                | a.parquet: is empty",
      })
  void refusesWhatCannotBeReadOn(String name, String content, String message) throws IOException {
    assertRefused(write(name, content), folder + "/" + message);
  }

  @Test
  void refusesOtherEncodings() throws IOException {
    Path array =
        Files.writeString(folder.resolve("a.json"), "[{\"text\": \"caf\u00E9\"}]", ISO_8859_1);
    assertRefused(array, array + ":1: not UTF-8");
    Path csv = Files.writeString(folder.resolve("a.csv"), "text\nx\ncaf\u00E9\n", ISO_8859_1);
    assertRefused(csv, csv + ":", "not UTF-8");
    Path wide = Files.writeString(folder.resolve("b.csv"), "text\nx\n", UTF_16);
    assertRefused(wide, wide + ":1: not UTF-8");
  }

  @Test
  void skipsCsvRowsOfAnotherLength() throws IOException {
    Path file = write("a.csv", "id,text\n1,\"a\nb\"\n2\n\n3,c,d\n\"4\",\"\"\n5,e\n");
    BadRows bad = BadRows.skip();
    assertThat(read(file, bad, "text")).containsExactly("a\nb", "", "e");
    assertThat(bad.first())
        .satisfiesExactly(
            m ->
                assertThat(m).startsWith(file + ":2: the row has 1 fields, where the header has 2"),
            m -> assertThat(m).startsWith(file + ":3: the row has 3 fields"));
  }

  @Test
  void refusesCsvThatEndsInAQuote() throws IOException {
    Path file = write("a.csv", "id,text\n1,a\n2,\"b\n");
    assertRefused(file, file + ":2: malformed CSV");
  }

  @Test
  void readsRowsOfTenMegabytes() throws IOException {
    String large = "0123456789é".repeat(1_000_000);
    assertReads(write("a.json", "[{\"text\": \"" + large + "\"}]"), large);
    assertReads(write("a.jsonl", "{\"text\": \"" + large + "\"}"), large);
    assertReads(write("a.csv", "text\n\"" + large + "\"\n"), large);
  }

  private void assertReads(Path file, String text) {
    // Not the whole text in the message of a failure.
    assertThat(read(file, BadRows.fail(), "text")).hasSize(1).allMatch(text::equals, "as written");
  }
}
