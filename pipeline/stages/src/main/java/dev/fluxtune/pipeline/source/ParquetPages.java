package dev.fluxtune.pipeline.source;

import com.github.luben.zstd.Zstd;
import dev.fluxtune.schemas.BadInputException;
import io.airlift.compress.lz4.Lz4Decompressor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.page.DataPage;
import org.apache.parquet.column.page.DataPageV1;
import org.apache.parquet.column.page.DataPageV2;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.page.PageReader;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.DataPageHeaderV2;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.Util;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.io.ParquetDecodingException;
import org.jspecify.annotations.Nullable;
import org.xerial.snappy.Snappy;

/**
 * Reads one column of one row group page by page, where Parquet's own reader loads whole row
 * groups: pyarrow writes up to a million rows into one.
 */
final class ParquetPages implements PageReader {
  private final Path path;
  private final ColumnChunkMetaData chunk;
  private final FileRange in;

  /** The next page's header, where it was read already. */
  private @Nullable PageHeader ahead;

  /**
   * @param path for messages
   * @param in the column chunk's bytes
   */
  ParquetPages(Path path, ColumnChunkMetaData chunk, FileRange in) {
    this.path = path;
    this.chunk = chunk;
    this.in = in;
  }

  @Override
  public long getTotalValueCount() {
    return chunk.getValueCount();
  }

  @Override
  public @Nullable DictionaryPage readDictionaryPage() {
    try {
      PageHeader header = header();
      if (header.getType() != PageType.DICTIONARY_PAGE) {
        ahead = header;
        return null;
      }
      return new DictionaryPage(
          BytesInput.from(body(header)),
          header.getDictionary_page_header().getNum_values(),
          encoding(header.getDictionary_page_header().getEncoding()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public DataPage readPage() {
    try {
      while (true) {
        PageHeader header = header();
        if (header.getType() == PageType.DATA_PAGE) {
          return page(header, header.getData_page_header());
        }
        if (header.getType() == PageType.DATA_PAGE_V2) {
          return page(header, header.getData_page_header_v2());
        }
        in.readBytes(header.getCompressed_page_size()); // an index: nothing to us
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private PageHeader header() throws IOException {
    PageHeader header = ahead == null ? Util.readPageHeader(in) : ahead;
    ahead = null;
    return header;
  }

  private DataPage page(PageHeader header, DataPageHeader data) throws IOException {
    return new DataPageV1(
        BytesInput.from(body(header)),
        data.getNum_values(),
        header.getUncompressed_page_size(),
        null, // statistics: nobody asks
        encoding(data.getRepetition_level_encoding()),
        encoding(data.getDefinition_level_encoding()),
        encoding(data.getEncoding()));
  }

  private DataPage page(PageHeader header, DataPageHeaderV2 data) throws IOException {
    int repetitions = data.getRepetition_levels_byte_length();
    int definitions = data.getDefinition_levels_byte_length();
    byte[] repetitionLevels = in.readBytes(repetitions);
    byte[] definitionLevels = in.readBytes(definitions);
    int levels = repetitions + definitions; // never compressed
    byte[] values = in.readBytes(header.getCompressed_page_size() - levels);
    if (data.isIs_compressed()) {
      values = decompressed(values, header.getUncompressed_page_size() - levels);
    }
    return DataPageV2.uncompressed(
        data.getNum_rows(),
        data.getNum_nulls(),
        data.getNum_values(),
        BytesInput.from(repetitionLevels),
        BytesInput.from(definitionLevels),
        encoding(data.getEncoding()),
        BytesInput.from(values),
        null);
  }

  private byte[] body(PageHeader header) throws IOException {
    return decompressed(
        in.readBytes(header.getCompressed_page_size()), header.getUncompressed_page_size());
  }

  /** Without Hadoop's codecs, which want its runtime. */
  private byte[] decompressed(byte[] bytes, int size) throws IOException {
    byte[] whole;
    try {
      whole = inflated(bytes, size);
    } catch (BadInputException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw new IOException("a page cannot be decompressed", e);
    }
    if (whole.length != size) {
      throw new ParquetDecodingException(
          "a page of %d bytes, where %d were promised".formatted(whole.length, size));
    }
    return whole;
  }

  private byte[] inflated(byte[] bytes, int size) throws IOException {
    return switch (chunk.getCodec()) {
      case UNCOMPRESSED -> bytes;
      case ZSTD -> size == 0 ? new byte[0] : Zstd.decompress(bytes, size);
      case SNAPPY -> Snappy.uncompress(bytes);
      case GZIP -> {
        try (GZIPInputStream gzip = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
          yield gzip.readNBytes(size);
        }
      }
      case LZ4_RAW -> {
        byte[] out = new byte[size];
        new Lz4Decompressor().decompress(bytes, 0, bytes.length, out, 0, size);
        yield out;
      }
      default ->
          throw new BadInputException(
              "%s: it is compressed by %s, which is not read; write it again with another codec, such as zstd"
                  .formatted(path, chunk.getCodec()));
    };
  }

  private static Encoding encoding(org.apache.parquet.format.Encoding encoding) {
    return Encoding.valueOf(encoding.name());
  }
}
