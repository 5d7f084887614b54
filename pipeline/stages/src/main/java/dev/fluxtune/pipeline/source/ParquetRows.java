package dev.fluxtune.pipeline.source;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.VersionParser;
import org.apache.parquet.VersionParser.ParsedVersion;
import org.apache.parquet.VersionParser.VersionParseException;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.ColumnReader;
import org.apache.parquet.column.impl.ColumnReaderImpl;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.metadata.ColumnPath;
import org.apache.parquet.hadoop.metadata.ParquetMetadata;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.ParquetDecodingException;
import org.apache.parquet.io.api.PrimitiveConverter;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;
import org.jspecify.annotations.Nullable;

/** Owns an open Parquet file; holds a page of each kept column at a time. */
final class ParquetRows implements RowFile {
  private final FileChannel file;
  private final Iterator<BlockMetaData> rowGroups;
  private final List<ParquetField> fields = new ArrayList<>();

  /** The readers of each field, in the row group that is being read. */
  private final List<List<ColumnReader>> values = new ArrayList<>();

  private final @Nullable ParsedVersion writer;
  private final Path path;
  private final LongConsumer progress;
  private long bytes;
  private long left;
  private long number;

  /**
   * @param progress told of the bytes of a row group when it is behind
   */
  ParquetRows(Path path, Columns columns, LongConsumer progress) throws IOException {
    this.path = path;
    this.progress = progress;
    ParquetMetadata footer = footer(path);
    MessageType schema = footer.getFileMetaData().getSchema();
    writer = version(footer.getFileMetaData().getCreatedBy());
    rowGroups = footer.getBlocks().iterator();
    for (Type field : schema.getFields()) {
      int column = columns.number(field.getName());
      if (column != Columns.NONE) {
        fields.add(new ParquetField(schema, field, column));
      }
    }
    file = FileChannel.open(path, StandardOpenOption.READ);
  }

  private static ParquetMetadata footer(Path path) throws IOException {
    ParquetReadOptions options =
        ParquetReadOptions.builder(new PlainParquetConfiguration()).build();
    try (ParquetFileReader reader = ParquetFileReader.open(new LocalInputFile(path), options)) {
      return reader.getFooter();
    } catch (RuntimeException e) {
      throw new IOException("its footer, at the end, is missing or damaged", e);
    }
  }

  /** Who wrote the file: some wrote one encoding wrongly. */
  private static @Nullable ParsedVersion version(String createdBy) {
    try {
      return VersionParser.parse(createdBy);
    } catch (VersionParseException | RuntimeException e) {
      return null; // Parquet's own way with writers that it does not know
    }
  }

  @Override
  public boolean next(Row row) {
    while (left == 0) {
      progress.accept(bytes);
      bytes = 0;
      if (!rowGroups.hasNext()) {
        return false;
      }
      open(rowGroups.next());
    }
    row.begin(++number);
    for (int i = 0; i < fields.size(); i++) {
      fields.get(i).read(values.get(i), row);
    }
    left--;
    return true;
  }

  private void open(BlockMetaData rowGroup) {
    left = rowGroup.getRowCount();
    bytes = rowGroup.getCompressedSize();
    values.clear();
    if (left == 0) {
      return;
    }
    Map<ColumnPath, ColumnChunkMetaData> chunks = new HashMap<>();
    rowGroup.getColumns().forEach(chunk -> chunks.put(chunk.getPath(), chunk));
    for (ParquetField field : fields) {
      List<ColumnReader> readers = new ArrayList<>();
      for (ColumnDescriptor leaf : field.leaves()) {
        ColumnChunkMetaData chunk = chunks.get(ColumnPath.get(leaf.getPath()));
        if (chunk == null) {
          throw new ParquetDecodingException("a row group lacks column " + leaf);
        }
        readers.add(reader(leaf, chunk));
      }
      values.add(readers);
    }
  }

  private ColumnReader reader(ColumnDescriptor leaf, ColumnChunkMetaData chunk) {
    FileRange bytes = new FileRange(file, chunk.getStartingPos(), chunk.getTotalSize());
    return new ColumnReaderImpl(
        leaf, new ParquetPages(path, chunk, bytes), new PrimitiveConverter() {}, writer);
  }

  @Override
  public boolean hasHeader() {
    return true;
  }

  @Override
  public String format() {
    return "Parquet";
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
