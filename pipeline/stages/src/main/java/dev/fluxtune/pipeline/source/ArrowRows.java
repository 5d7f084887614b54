package dev.fluxtune.pipeline.source;

import dev.fluxtune.schemas.BadInputException;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.InvalidArrowFileException;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;

/** Owns an open Arrow IPC file or stream, and the one of its record batches that is being read. */
final class ArrowRows implements RowFile {
  private final ArrowReader reader;
  private final List<ArrowField> fields = new ArrayList<>();

  /** The stream, which must end with its end mark; a file has a footer instead. */
  private final Runnable checkEnd;

  private final String path;
  private int at;
  private int size;
  private long number;

  private ArrowRows(ArrowReader reader, Columns columns, Runnable checkEnd) throws IOException {
    this.reader = reader;
    this.checkEnd = checkEnd;
    this.path = columns.path();
    try {
      VectorSchemaRoot root = fits(columns.path(), reader::getVectorSchemaRoot);
      for (FieldVector vector : root.getFieldVectors()) {
        int column = columns.number(vector.getField().getName());
        if (column != Columns.NONE) {
          fields.add(new ArrowField(column, vector, values(vector)));
        }
      }
    } catch (InvalidArrowFileException e) {
      reader.close();
      throw new EOFException("no footer at its end");
    } catch (IOException | RuntimeException e) {
      reader.close();
      throw e;
    }
  }

  private interface Load<T> {
    T run() throws IOException;
  }

  /** What a file asks for is allocated at once: too much of it may as well be a damaged length. */
  private static <T> T fits(String path, Load<T> load) throws IOException {
    try {
      return load.run();
    } catch (OutOfMemoryError | OutOfMemoryException e) {
      throw new BadInputException(
          "%s: a part of it claims to be larger than memory; it may be damaged: fetch or write it again, in smaller record batches if it is whole"
              .formatted(path),
          e);
    }
  }

  private FieldVector values(FieldVector cells) {
    DictionaryEncoding encoding = cells.getField().getDictionary();
    return encoding == null ? cells : reader.lookup(encoding.getId()).getVector();
  }

  static ArrowRows file(Path path, Columns columns, BufferAllocator allocator) throws IOException {
    FileChannel file = FileChannel.open(path, StandardOpenOption.READ);
    return new ArrowRows(
        new ArrowFileReader(file, allocator, CommonsCompressionFactory.INSTANCE),
        columns,
        () -> {});
  }

  /**
   * @param in closed with this
   */
  static ArrowRows stream(InputStream in, Columns columns, BufferAllocator allocator)
      throws IOException {
    Ended ended = new Ended(in);
    return new ArrowRows(
        new ArrowStreamReader(ended, allocator, CommonsCompressionFactory.INSTANCE),
        columns,
        () -> {
          if (ended.ended) {
            throw new BadInputException(
                columns.path()
                    + ": the Arrow stream has no end mark, so it is cut short; fetch or write it"
                    + " again");
          }
        });
  }

  /** Notes whether a reader ran into the end, where it should have met a mark before. */
  private static final class Ended extends FilterInputStream {
    private boolean ended;

    Ended(InputStream in) {
      super(in);
    }

    @Override
    public int read(byte[] to, int from, int length) throws IOException {
      int count = super.read(to, from, length);
      ended |= count < 0;
      return count;
    }
  }

  @Override
  public boolean next(Row row) throws IOException {
    while (at == size) {
      if (!fits(path, reader::loadNextBatch)) {
        checkEnd.run();
        return false;
      }
      at = 0;
      size = reader.getVectorSchemaRoot().getRowCount();
    }
    row.begin(++number);
    for (ArrowField field : fields) {
      field.read(at, row);
    }
    at++;
    return true;
  }

  @Override
  public boolean hasHeader() {
    return true;
  }

  @Override
  public String format() {
    return "Arrow";
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}
