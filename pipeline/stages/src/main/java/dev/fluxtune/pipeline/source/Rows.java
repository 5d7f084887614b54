package dev.fluxtune.pipeline.source;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.apache.arrow.memory.BufferAllocator;
import reactor.core.publisher.Flux;

/** The rows of files, as record batches. */
public final class Rows {
  private Rows() {}

  /**
   * Reads files one after the other, a batch for each demanded. What was read and not delivered is
   * released when the stream ends or is cancelled; a delivered batch belongs to its receiver.
   * Operators that queue batches need {@code doOnDiscard(RecordBatch.class, RecordBatch::close)}
   * after them.
   *
   * @param columnMapping columns to rename: theirs → ours
   * @param columns columns to keep, by their names in the files; empty: all
   * @param bad told of rows that cannot be parsed
   * @throws dev.fluxtune.schemas.BadInputException in the stream, if a file cannot be read to its
   *     end, none has a row, or none has a column that is to be renamed or kept
   */
  public static Flux<RecordBatch> read(
      List<Path> files,
      Map<String, String> columnMapping,
      List<String> columns,
      BadRows bad,
      BufferAllocator allocator) {
    return read(files, columnMapping, columns, bad, bytes -> {}, allocator);
  }

  /**
   * As above.
   *
   * @param progress told, now and then, how many bytes more of the files are behind; over a whole
   *     file they add up to its size
   */
  public static Flux<RecordBatch> read(
      List<Path> files,
      Map<String, String> columnMapping,
      List<String> columns,
      BadRows bad,
      LongConsumer progress,
      BufferAllocator allocator) {
    Flux<RecordBatch> read =
        Flux.generate(
            () ->
                new Reading(
                    files, new Columns.Names(columnMapping, columns), bad, progress, allocator),
            (reading, sink) -> {
              reading.next().ifPresentOrElse(sink::next, sink::complete);
              return reading;
            },
            Reading::close);
    return read.hide(); // fused, it is polled by whoever discards, when it is closed already
  }
}
