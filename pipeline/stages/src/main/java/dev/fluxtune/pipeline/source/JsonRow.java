package dev.fluxtune.pipeline.source;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import dev.fluxtune.schemas.Reason;
import java.io.IOException;

/** Takes one JSON object apart into the cells of a row. */
final class JsonRow {
  /** Strings may be as long as memory allows, and NaN is a number, as Python writes it. */
  static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .streamReadConstraints(
              StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).build())
          .build();

  private static final int SHOWN = 40;

  private JsonRow() {}

  /**
   * Reads an object to its end.
   *
   * @param json stands at the object's start
   */
  static void read(JsonParser json, Columns columns, Row row) throws IOException {
    while (json.nextToken() != JsonToken.END_OBJECT) {
      int column = columns.number(json.currentName());
      JsonToken value = json.nextToken();
      if (column == Columns.NONE) {
        json.skipChildren();
      } else if (value == JsonToken.VALUE_STRING) {
        row.text(column, json.getTextCharacters(), json.getTextOffset(), json.getTextLength());
      } else if (value == JsonToken.VALUE_NULL) {
        row.nothing(column);
      } else if (value == JsonToken.START_ARRAY) {
        list(json, column, row);
      } else {
        row.other(column, describe(json));
        json.skipChildren();
      }
    }
  }

  private static void list(JsonParser json, int column, Row row) throws IOException {
    int start = row.startInts();
    String wrong = null;
    for (JsonToken value = json.nextToken();
        value != JsonToken.END_ARRAY;
        value = json.nextToken()) {
      if (wrong != null) {
        json.skipChildren();
      } else if (value == JsonToken.VALUE_NUMBER_INT
          && json.getNumberType() == JsonParser.NumberType.INT) {
        row.add(json.getIntValue());
      } else if (value.isBoolean()) {
        row.add(json.getBooleanValue() ? 1 : 0);
      } else {
        wrong = "a list that holds " + describe(json);
        json.skipChildren();
      }
    }
    if (wrong == null) {
      row.ints(column, start);
    } else {
      row.other(column, wrong);
    }
  }

  /** The value at which a parser stands, to go after "is" or "holds". */
  static String describe(JsonParser json) throws IOException {
    return switch (json.currentToken()) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "a list";
      case VALUE_STRING -> "text";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "the number " + shortened(json.getText());
      default -> json.getText();
    };
  }

  /** What is wrong, and where in the line. */
  static String problem(JsonProcessingException e) {
    String message = Reason.ofJson(e);
    return e.getLocation() == null
        ? message
        : message + " (character " + e.getLocation().getColumnNr() + " of the line)";
  }

  private static String shortened(String text) {
    return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "…";
  }
}
