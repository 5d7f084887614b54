package dev.fluxtune.pipeline.shard;

import com.github.luben.zstd.ZstdCompressCtx;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.ShardFormat;
import java.io.IOException;
import java.util.List;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;

/**
 * The row group in the making, compressed page by page. Owns native memory, so one serves all
 * parts.
 */
final class RowGroup implements AutoCloseable {
  private static final int ZSTD_LEVEL = 3;

  static final MessageType SCHEMA =
      new MessageType(
          "chunks",
          list(ShardFormat.INPUT_IDS),
          list(ShardFormat.LABELS),
          list(ShardFormat.SEQ_LENGTHS));

  private final ZstdCompressCtx zstd = new ZstdCompressCtx().setLevel(ZSTD_LEVEL);
  private final ListColumn inputIds = new ListColumn(SCHEMA.getColumns().get(0), zstd);
  private final ListColumn labels = new ListColumn(SCHEMA.getColumns().get(1), zstd);
  private final ListColumn seqLengths = new ListColumn(SCHEMA.getColumns().get(2), zstd);
  private final long tokensInPage;
  private long pageTokens;
  private long tokens;
  private long chunks;

  RowGroup(long tokensInPage) {
    this.tokensInPage = tokensInPage;
  }

  /** A three-level list of which nothing is ever missing: pyarrow reads it a fifth faster. */
  private static Type list(String name) {
    return Types.requiredList().requiredElement(PrimitiveTypeName.INT32).named(name);
  }

  void add(Chunk chunk) {
    inputIds.add(chunk.inputIds());
    labels.add(chunk.labels());
    seqLengths.add(chunk.seqLengths());
    pageTokens += chunk.length();
    tokens += chunk.length();
    chunks++;
    if (pageTokens >= tokensInPage) {
      endPage();
    }
  }

  private void endPage() {
    inputIds.endPage();
    labels.endPage();
    seqLengths.endPage();
    pageTokens = 0;
  }

  /** Tokens in it, padding included. */
  long tokens() {
    return tokens;
  }

  /** Ends the row group and begins another. */
  void writeTo(ParquetFileWriter file) throws IOException {
    if (pageTokens > 0) {
      endPage();
    }
    file.startBlock(chunks);
    for (ListColumn column : List.of(inputIds, labels, seqLengths)) {
      column.writeTo(file);
    }
    file.endBlock();
    tokens = 0;
    chunks = 0;
  }

  @Override
  public void close() {
    zstd.close();
  }
}
