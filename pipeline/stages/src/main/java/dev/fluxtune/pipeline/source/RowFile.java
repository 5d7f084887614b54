package dev.fluxtune.pipeline.source;

import java.io.IOException;

/** Owns an open file and gives its rows one after the other. */
interface RowFile extends AutoCloseable {
  /**
   * Reads the next row that can be used.
   *
   * @return false if there is none
   * @throws dev.fluxtune.schemas.BadInputException if nothing after this place can be trusted
   */
  boolean next(Row row) throws IOException;

  /** Whether all columns are known before the first row is read. */
  boolean hasHeader();

  /** What the file is, for messages. */
  String format();

  @Override
  void close() throws IOException;
}
