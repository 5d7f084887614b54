package dev.fluxtune.pipeline.shuffle;

import dev.fluxtune.pipeline.source.RecordBatch;

/**
 * Owns a batch, and the key of each row: its place in the new order, as an unsigned number.
 *
 * @param keys one a row; no two rows of a stream have the same
 */
record KeyedRows(RecordBatch batch, long[] keys) implements AutoCloseable {
  /** What a row costs beside its values: key, number and path, and the objects that hold them. */
  private static final int ROW_BYTES = 64;

  /** Memory that is held. */
  long bytes() {
    return batch.bytes() + (long) ROW_BYTES * keys.length;
  }

  @Override
  public void close() {
    batch.close();
  }
}
