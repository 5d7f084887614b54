package dev.fluxtune.pipeline.source;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.io.JsonEOFException;
import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;

/** Owns an open file that is one JSON array of objects, of any size. */
final class JsonArray implements RowFile {
  private final JsonParser json;
  private final Columns columns;
  private final BadRows bad;
  private long number;

  /**
   * @param in stands after any byte order mark; closed with this
   */
  JsonArray(InputStream in, Columns columns, BadRows bad) throws IOException {
    this.json = JsonRow.JSON.createParser(Utf8.reader(in));
    this.columns = columns;
    this.bad = bad;
  }

  @Override
  public boolean next(Row row) throws IOException {
    try {
      return read(row);
    } catch (JsonEOFException e) {
      throw broken("the array is cut short; fetch or write the file again", e);
    } catch (JsonProcessingException e) {
      throw broken(
          "malformed JSON in line %d: %s; correct it"
              .formatted(
                  e.getLocation() == null ? 0 : e.getLocation().getLineNr(), JsonRow.problem(e)),
          e);
    } catch (CharacterCodingException e) {
      throw broken("not UTF-8; write the file as UTF-8", e);
    }
  }

  private boolean read(Row row) throws IOException {
    if (number == 0) {
      json.nextToken(); // [
    }
    while (json.nextToken() != JsonToken.END_ARRAY) {
      row.begin(++number);
      if (json.currentToken() == JsonToken.START_OBJECT) {
        JsonRow.read(json, columns, row);
        return true;
      }
      bad.report(
          place(), "the row is " + JsonRow.describe(json) + ", where an object {…} is needed");
      json.skipChildren();
    }
    if (json.nextToken() != null) {
      throw new BadInputException(
          columns.path()
              + ": something follows the end of the JSON array; write one array, or one object a"
              + " line");
    }
    return false;
  }

  private BadInputException broken(String problem, IOException cause) {
    // Nothing after this place can be told apart, so on_bad_row does not apply.
    return new BadInputException(place() + ": " + problem, cause);
  }

  private String place() {
    return columns.path() + ":" + Math.max(number, 1);
  }

  @Override
  public boolean hasHeader() {
    return false;
  }

  @Override
  public String format() {
    return "a JSON array";
  }

  @Override
  public void close() throws IOException {
    json.close();
  }
}
