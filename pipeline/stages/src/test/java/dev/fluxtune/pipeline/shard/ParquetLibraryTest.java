package dev.fluxtune.pipeline.shard;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.Zstd;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Packing;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.compression.CompressionCodecFactory;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The pages are built by hand: the Parquet library itself must read them. */
class ParquetLibraryTest {
  @TempDir Path folder;

  @ParameterizedTest
  @MethodSource("dev.fluxtune.pipeline.shard.RecoveryTest#packings")
  void readsWhatWasWritten(Packing how) throws IOException {
    Corpus corpus = Corpus.of(6, 100, how);
    corpus.write(folder);
    Manifest manifest = Shards.open(folder).orElseThrow().manifest();
    List<Chunk> read = new ArrayList<>();
    for (Manifest.Part part : manifest.parts()) {
      for (Group row : rows(folder.resolve(part.file()))) {
        int padding = read.size() == manifest.chunks() - 1 ? manifest.padding() : 0;
        read.add(new Chunk(list(row, 0), list(row, 1), list(row, 2), padding));
      }
    }
    assertThat(read).isEqualTo(corpus.chunks());
  }

  private static List<Group> rows(Path path) throws IOException {
    ParquetReadOptions options =
        ParquetReadOptions.builder(new PlainParquetConfiguration())
            .withCodecFactory(new ZstdPages())
            .usePageChecksumVerification()
            .build();
    List<Group> rows = new ArrayList<>();
    try (ParquetFileReader file = ParquetFileReader.open(new LocalInputFile(path), options)) {
      MessageType schema = file.getFileMetaData().getSchema();
      PageReadStore group = file.readNextRowGroup();
      while (group != null) {
        RecordReader<Group> reader =
            new ColumnIOFactory()
                .getColumnIO(schema)
                .getRecordReader(group, new GroupRecordConverter(schema));
        for (long i = 0; i < group.getRowCount(); i++) {
          rows.add(reader.read());
        }
        group = file.readNextRowGroup();
      }
    }
    return rows;
  }

  private static int[] list(Group row, int column) {
    Group list = row.getGroup(column, 0);
    int[] numbers = new int[list.getFieldRepetitionCount(0)];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = list.getGroup(0, i).getInteger(0, 0);
    }
    return numbers;
  }

  /** The library's own factory wants Hadoop's runtime. */
  private static final class ZstdPages
      implements CompressionCodecFactory, CompressionCodecFactory.BytesInputDecompressor {
    @Override
    public BytesInputDecompressor getDecompressor(CompressionCodecName name) {
      assertThat(name).isEqualTo(CompressionCodecName.ZSTD);
      return this;
    }

    @Override
    public BytesInput decompress(BytesInput bytes, int size) throws IOException {
      return BytesInput.from(Zstd.decompress(bytes.toInputStream().readAllBytes(), size));
    }

    @Override
    public void decompress(ByteBuffer input, int from, ByteBuffer output, int to) {
      throw new UnsupportedOperationException();
    }

    @Override
    public BytesInputCompressor getCompressor(CompressionCodecName name) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void release() {}
  }
}
