package dev.fluxtune.pipeline.shard;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.github.luben.zstd.ZstdCompressCtx;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.ShardFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.parquet.column.ParquetProperties;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Types;

/** Writes one part under a temporary name; it gets its own when it is whole. Owns native memory. */
final class PartWriter implements AutoCloseable {
  private static final int ZSTD_LEVEL = 3;

  /** Three-level lists as pyarrow and Hugging Face write them. */
  private static final MessageType SCHEMA =
      Types.buildMessage()
          .addField(
              Types.optionalList()
                  .optionalElement(PrimitiveTypeName.INT32)
                  .named(ShardFormat.INPUT_IDS))
          .addField(
              Types.optionalList()
                  .optionalElement(PrimitiveTypeName.INT32)
                  .named(ShardFormat.LABELS))
          .addField(
              Types.optionalList()
                  .optionalElement(PrimitiveTypeName.INT32)
                  .named(ShardFormat.SEQ_LENGTHS))
          .named("chunks");

  private final int index;
  private final Sizes sizes;
  private final Path file;
  private final Path temporary;
  private final PartOutput out;
  private final ParquetFileWriter parquet;
  private final ZstdCompressCtx zstd = new ZstdCompressCtx().setLevel(ZSTD_LEVEL);
  private final ListColumn inputIds = new ListColumn(SCHEMA.getColumns().get(0));
  private final ListColumn labels = new ListColumn(SCHEMA.getColumns().get(1));
  private final ListColumn seqLengths = new ListColumn(SCHEMA.getColumns().get(2));
  private final List<ListColumn> columns = List.of(inputIds, labels, seqLengths);

  private long pageTokens;
  private long groupTokens;
  private long groupChunks;
  private long chunks;
  private long tokens;
  private long trained;
  private int padding;
  private Position next = Position.START;

  /**
   * Where pages, row groups and parts end: with the chunk that fills them up.
   *
   * @param page tokens in a page, the least that is read and decompressed
   * @param group tokens in a row group, what is held in memory (compressed) while it is written
   * @param part tokens in a part
   */
  record Sizes(long page, long group, long part) {}

  PartWriter(Path folder, int index, Sizes sizes) throws IOException {
    this.index = index;
    this.sizes = sizes;
    this.file = folder.resolve(ShardFormat.part(index));
    this.temporary = Durable.temporary(file);
    this.out = new PartOutput(temporary);
    this.parquet =
        new ParquetFileWriter(
            out,
            SCHEMA,
            ParquetFileWriter.Mode.CREATE,
            ParquetWriter.DEFAULT_BLOCK_SIZE, // these two matter to file systems of blocks only
            ParquetWriter.MAX_PADDING_SIZE_DEFAULT,
            null, // not encrypted
            ParquetProperties.builder().build());
    parquet.start();
  }

  void add(Packed packed) throws IOException {
    Chunk chunk = packed.chunk();
    inputIds.add(chunk.inputIds());
    labels.add(chunk.labels());
    seqLengths.add(chunk.seqLengths());
    pageTokens += chunk.length();
    groupTokens += chunk.length();
    groupChunks++;
    chunks++;
    tokens += chunk.length() - chunk.padding();
    trained += chunk.trainedTokens();
    padding = chunk.padding();
    next = packed.next();
    if (pageTokens >= sizes.page()) {
      endPage();
    }
    if (groupTokens >= sizes.group()) {
      endGroup();
    }
  }

  boolean full() {
    return tokens + padding >= sizes.part();
  }

  private void endPage() {
    columns.forEach(column -> column.endPage(zstd));
    pageTokens = 0;
  }

  private void endGroup() throws IOException {
    if (pageTokens > 0) {
      endPage();
    }
    parquet.startBlock(groupChunks);
    for (ListColumn column : columns) {
      column.writeTo(parquet);
    }
    parquet.endBlock();
    groupTokens = 0;
    groupChunks = 0;
  }

  /** Ends the part and gives it its name. */
  Manifest.Part finish(ObjectNode settings) throws IOException {
    if (groupTokens > 0) {
      endGroup();
    }
    PartNote note =
        new PartNote(
            ShardFormat.VERSION,
            Manifest.fingerprint(settings),
            index,
            chunks,
            tokens,
            trained,
            padding,
            next,
            settings);
    parquet.end(Map.of(ShardFormat.NOTE, note.toJson()));
    Durable.rename(temporary, file);
    return new Manifest.Part(
        ShardFormat.part(index), out.hash(), out.getPos(), chunks, tokens, trained);
  }

  /** Frees what is held and removes the file unless it is finished. */
  @Override
  public void close() throws IOException {
    zstd.close();
    parquet.abort();
    parquet.close();
    out.drop();
    Files.deleteIfExists(temporary);
  }
}
