package dev.fluxtune.pipeline.source;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.io.JsonEOFException;
import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.io.InputStream;

/** Owns an open file of one JSON object a line; a bad line spoils no other. */
final class JsonLines implements RowFile {
  /** A longer line's memory is not kept for the next one. */
  private static final int KEPT_BYTES = 1 << 20;

  private static final int MAX_BYTES = 1 << 30;

  private final InputStream in;
  private final Columns columns;
  private final BadRows bad;
  private byte[] bytes = new byte[1 << 16];
  private int start;
  private int filled;
  private long line;

  /**
   * @param in stands after any byte order mark; closed with this
   */
  JsonLines(InputStream in, Columns columns, BadRows bad) {
    this.in = in;
    this.columns = columns;
    this.bad = bad;
  }

  @Override
  public boolean next(Row row) throws IOException {
    for (int end = endOfLine(); end >= 0; end = endOfLine()) {
      int from = start;
      start = Math.min(end + 1, filled);
      line++;
      if (!isBlank(from, end) && read(from, end, row)) {
        return true;
      }
    }
    return false;
  }

  /** The place after the next line's last byte, the line break not counted; -1 at the end. */
  private int endOfLine() throws IOException {
    int at = start;
    while (true) {
      for (; at < filled; at++) {
        if (bytes[at] == '\n') {
          return at;
        }
      }
      int scanned = at - start;
      makeRoom();
      at = start + scanned;
      int read = in.read(bytes, filled, bytes.length - filled);
      if (read < 0) {
        return start < filled ? filled : -1;
      }
      filled += read;
    }
  }

  /**
   * Where the buffer is full, moves the unfinished line to the front, and doubles it if need be.
   */
  private void makeRoom() {
    if (filled < bytes.length) {
      return;
    }
    int rest = filled - start;
    int length = bytes.length;
    if (rest > length / 2) {
      if (length == MAX_BYTES) {
        throw new BadInputException(
            place(line + 1) + ": a line of 1 GiB or more; write one JSON object a line");
      }
      length *= 2;
    } else if (rest < KEPT_BYTES / 2) {
      length = Math.min(length, KEPT_BYTES);
    }
    byte[] moved = length == bytes.length ? bytes : new byte[length];
    System.arraycopy(bytes, start, moved, 0, rest);
    bytes = moved;
    start = 0;
    filled = rest;
  }

  private boolean isBlank(int from, int end) {
    for (int i = from; i < end; i++) {
      if (bytes[i] != ' ' && bytes[i] != '\r' && bytes[i] != '\t') {
        return false;
      }
    }
    return true;
  }

  private boolean read(int from, int end, Row row) throws IOException {
    int notUtf8 = Utf8.firstBad(bytes, from, end);
    if (notUtf8 >= 0) {
      return bad(
          "not UTF-8 (0x%02X at byte %d of the line); write the file as UTF-8"
              .formatted(bytes[notUtf8], notUtf8 - from));
    }
    row.begin(line);
    try (JsonParser json = JsonRow.JSON.createParser(bytes, from, end - from)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        return bad("the line is " + JsonRow.describe(json) + ", where an object {…} is needed");
      }
      JsonRow.read(json, columns, row);
      if (json.nextToken() != null) {
        return bad("more than one object on the line; write each on a line of its own");
      }
      return true;
    } catch (JsonEOFException e) {
      return bad("the line ends inside its object; write each object on one line, whole");
    } catch (JsonProcessingException e) {
      return bad("malformed JSON: " + JsonRow.problem(e));
    }
  }

  private boolean bad(String problem) {
    bad.report(place(line), problem);
    return false;
  }

  private String place(long number) {
    return columns.path() + ":" + number;
  }

  @Override
  public boolean hasHeader() {
    return false;
  }

  @Override
  public String format() {
    return "JSON lines";
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
