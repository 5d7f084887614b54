package dev.fluxtune.pipeline.source;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.dataformat.csv.CsvFactory;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.List;

/**
 * Owns an open CSV file: RFC 4180, a header row, quoted fields of many lines; every field is a
 * text, and an empty one is the empty text.
 */
final class CsvRows implements RowFile {
  private static final CsvFactory CSV =
      CsvFactory.builder()
          .enable(CsvParser.Feature.SKIP_EMPTY_LINES)
          .streamReadConstraints(
              StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).build())
          .build();

  private final CsvParser csv;
  private final Columns columns;
  private final BadRows bad;
  private final int[] numbers;
  private long number;

  /**
   * @param in stands after any byte order mark; closed with this
   */
  CsvRows(InputStream in, Columns columns, BadRows bad) throws IOException {
    this.csv = CSV.createParser(Utf8.reader(in));
    this.columns = columns;
    this.bad = bad;
    this.numbers = header();
  }

  private int[] header() throws IOException {
    try {
      List<String> names = new ArrayList<>();
      csv.nextToken();
      while (csv.nextToken() == JsonToken.VALUE_STRING) {
        if (names.contains(csv.getText())) {
          throw new BadInputException(
              "%s: two columns are called %s; rename one in the header"
                  .formatted(columns.path(), csv.getText()));
        }
        names.add(csv.getText());
      }
      return names.stream().mapToInt(columns::number).toArray();
    } catch (JsonProcessingException | CharacterCodingException e) {
      throw broken(e);
    }
  }

  @Override
  public boolean next(Row row) throws IOException {
    try {
      while (csv.nextToken() != null) {
        row.begin(++number);
        if (read(row)) {
          return true;
        }
      }
      return false;
    } catch (JsonProcessingException | CharacterCodingException e) {
      throw broken(e);
    }
  }

  private boolean read(Row row) throws IOException {
    int field = 0;
    while (csv.nextToken() == JsonToken.VALUE_STRING) {
      if (field < numbers.length && numbers[field] != Columns.NONE) {
        row.text(numbers[field], csv.getTextCharacters(), csv.getTextOffset(), csv.getTextLength());
      }
      field++;
    }
    if (field == numbers.length) {
      return true;
    }
    bad.report(
        place(),
        "the row has %d fields, where the header has %d; put fields with commas, quotes or line breaks in quotes"
            .formatted(field, numbers.length));
    return false;
  }

  private BadInputException broken(IOException cause) {
    String problem =
        cause instanceof JsonProcessingException parsing
            ? "malformed CSV: "
                + parsing.getOriginalMessage()
                + "; the file is cut short, or a quote in a field is not doubled: correct it"
            : "not UTF-8; write the file as UTF-8";
    return new BadInputException(place() + ": " + problem, cause);
  }

  private String place() {
    return columns.path() + ":" + Math.max(number, 1);
  }

  @Override
  public boolean hasHeader() {
    return true;
  }

  @Override
  public String format() {
    return "CSV";
  }

  @Override
  public void close() throws IOException {
    csv.close();
  }
}
