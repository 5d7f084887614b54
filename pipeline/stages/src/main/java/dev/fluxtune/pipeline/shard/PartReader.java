package dev.fluxtune.pipeline.shard;

import dev.fluxtune.schemas.ShardFormat;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.Serial;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.KeyValue;
import org.apache.parquet.format.OffsetIndex;
import org.apache.parquet.format.PageLocation;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.Util;

/**
 * One part, open for reading page by page. It knows where each page lies, about 50 bytes a page,
 * and holds a file handle.
 */
final class PartReader implements AutoCloseable {
  static final int COLUMNS = 3;
  private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);

  private final RandomAccessFile file; // unlike a channel, an interrupt does not close it
  private final PartNote note;
  private final int[] firstRows; // (pages + 1)
  private final long[] offsets; // (pages, columns)
  private final int[] sizes; // (pages, columns)

  /**
   * @throws IOException if it is no part, or damaged where it says what it holds
   */
  PartReader(Path path) throws IOException {
    this.file = new RandomAccessFile(path.toString(), "r");
    try {
      FileMetaData footer = footer();
      this.note = note(footer);
      List<OffsetIndex> indexes = new ArrayList<>();
      int pages = 0;
      for (RowGroup group : footer.getRow_groups()) {
        check(group.getColumnsSize() == COLUMNS, "it has other columns");
        for (ColumnChunk column : group.getColumns()) {
          OffsetIndex index =
              Util.readOffsetIndex(
                  stream(column.getOffset_index_offset(), column.getOffset_index_length()));
          indexes.add(index);
        }
        pages += indexes.get(indexes.size() - 1).getPage_locationsSize();
      }
      this.firstRows = new int[pages + 1];
      this.offsets = new long[pages * COLUMNS];
      this.sizes = new int[pages * COLUMNS];
      fill(footer, indexes);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e instanceof IOException io
          ? io
          : new IOException("its footer is damaged (" + e + ")", e);
    }
  }

  private void fill(FileMetaData footer, List<OffsetIndex> indexes) throws IOException {
    int page = 0;
    long groupRow = 0;
    for (int group = 0; group < footer.getRow_groupsSize(); group++) {
      int pages = indexes.get(group * COLUMNS).getPage_locationsSize();
      for (int c = 0; c < COLUMNS; c++) {
        List<PageLocation> places = indexes.get(group * COLUMNS + c).getPage_locations();
        check(places.size() == pages, "its pages are not aligned");
        for (int p = 0; p < pages; p++) {
          PageLocation place = places.get(p);
          int firstRow = Math.toIntExact(groupRow + place.getFirst_row_index());
          check(c == 0 || firstRows[page + p] == firstRow, "its pages are not aligned");
          firstRows[page + p] = firstRow;
          offsets[(page + p) * COLUMNS + c] = place.getOffset();
          sizes[(page + p) * COLUMNS + c] = place.getCompressed_page_size();
        }
      }
      page += pages;
      groupRow += footer.getRow_groups().get(group).getNum_rows();
    }
    check(groupRow == note.chunks(), "its row count is wrong");
    firstRows[page] = Math.toIntExact(groupRow);
  }

  private FileMetaData footer() throws IOException {
    long length = file.length();
    check(length >= 12, "it is too short");
    byte[] end = read(length - 8, 8);
    check(Arrays.equals(end, 4, 8, MAGIC, 0, 4), "it does not end as a Parquet file");
    int size = ByteBuffer.wrap(end).order(ByteOrder.LITTLE_ENDIAN).getInt();
    check(size > 0 && size <= length - 12, "its footer is damaged");
    return Util.readFileMetaData(stream(length - 8 - size, size));
  }

  private static PartNote note(FileMetaData footer) throws IOException {
    if (footer.isSetKey_value_metadata()) {
      for (KeyValue entry : footer.getKey_value_metadata()) {
        if (entry.getKey().equals(ShardFormat.NOTE)) {
          return PartNote.fromJson(entry.getValue());
        }
      }
    }
    throw new ForeignPartException();
  }

  /** It is Parquet, but not ours. */
  static final class ForeignPartException extends IOException {
    @Serial private static final long serialVersionUID = 1L;

    ForeignPartException() {
      super("it was written by another program");
    }
  }

  private static void check(boolean holds, String otherwise) throws IOException {
    if (!holds) {
      throw new IOException(otherwise);
    }
  }

  private ByteArrayInputStream stream(long at, int length) throws IOException {
    return new ByteArrayInputStream(read(at, length));
  }

  private byte[] read(long at, int length) throws IOException {
    check(at >= 0 && length >= 0 && at + length <= file.length(), "it is too short");
    byte[] bytes = new byte[length];
    file.seek(at);
    file.readFully(bytes);
    return bytes;
  }

  PartNote note() {
    return note;
  }

  /** The page that holds a row. */
  int pageOf(int row) {
    int at = Arrays.binarySearch(firstRows, row);
    return at >= 0 ? at : -at - 2;
  }

  int firstRow(int page) {
    return firstRows[page];
  }

  /** A page as it lies in the file, header included. */
  byte[] page(int page, int column) throws IOException {
    int at = page * COLUMNS + column;
    return read(offsets[at], sizes[at]);
  }

  @Override
  public void close() {
    try {
      file.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // nothing was written: it does not happen
    }
  }
}
