package dev.fluxtune.pipeline.source;

import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Record batches on disk for the time of a run: each an Arrow stream of its own, since batches of
 * different files have different columns. Names of columns and files lie in the schema's metadata.
 */
public final class RecordBatchFormat {
  private static final String COLUMN = "column.";
  private static final String PATH = "path.";

  private RecordBatchFormat() {}

  /** Writes a batch, which stays the caller's. */
  public static void write(RecordBatch batch, WritableByteChannel to, BufferAllocator allocator)
      throws IOException {
    Map<String, String> metadata = new HashMap<>();
    List<Field> fields = new ArrayList<>();
    List<FieldVector> vectors = new ArrayList<>();
    try (IntVector paths = new IntVector("paths", allocator);
        BigIntVector numbers = new BigIntVector("numbers", allocator)) {
      places(batch, paths, numbers, metadata);
      vectors.add(paths);
      vectors.add(numbers);
      vectors.forEach(vector -> fields.add(vector.getField()));
      int column = 0;
      for (String name : batch.columns()) {
        metadata.put(COLUMN + column, name);
        for (FieldVector vector : batch.column(name).vectors()) {
          Field field = vector.getField();
          fields.add(
              new Field(
                  column + "." + vector.getName(), field.getFieldType(), field.getChildren()));
          vectors.add(vector);
        }
        column++;
      }
      // Not closed: that would take the batch's memory away.
      VectorSchemaRoot root =
          new VectorSchemaRoot(new Schema(fields, metadata), vectors, batch.size());
      // Not closed either: that would close the channel.
      ArrowStreamWriter writer =
          new ArrowStreamWriter(root, new DictionaryProvider.MapDictionaryProvider(), to);
      writer.start();
      writer.writeBatch();
      writer.end();
    }
  }

  private static void places(
      RecordBatch batch, IntVector paths, BigIntVector numbers, Map<String, String> metadata) {
    Map<String, Integer> known = new HashMap<>();
    paths.allocateNew(batch.size());
    numbers.allocateNew(batch.size());
    for (int row = 0; row < batch.size(); row++) {
      int path = known.computeIfAbsent(batch.path(row), p -> known.size());
      metadata.put(PATH + path, batch.path(row));
      paths.set(row, path);
      numbers.set(row, batch.number(row));
    }
    paths.setValueCount(batch.size());
    numbers.setValueCount(batch.size());
  }

  /** Reads a batch that was written, and no byte more; it is the caller's to close. */
  public static RecordBatch read(ReadableByteChannel from, BufferAllocator allocator)
      throws IOException {
    ArrowStreamReader reader = new ArrowStreamReader(from, allocator);
    try {
      reader.loadNextBatch();
      RecordBatch batch = batch(reader.getVectorSchemaRoot(), allocator);
      reader.loadNextBatch(); // its end mark
      return batch;
    } finally {
      reader.close(false);
    }
  }

  private static RecordBatch batch(VectorSchemaRoot root, BufferAllocator allocator) {
    Map<String, String> metadata = root.getSchema().getCustomMetadata();
    IntVector pathOf = (IntVector) root.getVector(0);
    BigIntVector numberOf = (BigIntVector) root.getVector(1);
    String[] paths = new String[root.getRowCount()];
    long[] numbers = new long[root.getRowCount()];
    for (int row = 0; row < paths.length; row++) {
      paths[row] = metadata.get(PATH + pathOf.get(row));
      numbers[row] = numberOf.get(row);
    }
    Map<String, Column> columns = new LinkedHashMap<>();
    for (int column = 0; metadata.containsKey(COLUMN + column); column++) {
      columns.put(metadata.get(COLUMN + column), new Column(allocator));
    }
    List<Column> numbered = List.copyOf(columns.values());
    List<Field> fields = root.getSchema().getFields();
    for (int i = 2; i < fields.size(); i++) {
      String name = fields.get(i).getName();
      int dot = name.indexOf('.');
      Column column = numbered.get(Integer.parseInt(name.substring(0, dot)));
      column.take(name.substring(dot + 1), root.getVector(i));
    }
    return new RecordBatch(Collections.unmodifiableMap(columns), List.of(paths), numbers);
  }
}
