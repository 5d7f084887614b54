package dev.fluxtune.pipeline.shard;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Durable;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.ShardFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.parquet.column.ParquetProperties;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.ParquetWriter;

/** Writes one part under a temporary name; it gets its own when it is whole. */
final class PartWriter implements AutoCloseable {
  private final int index;
  private final Sizes sizes;
  private final Path file;
  private final Path temporary;
  private final PartOutput out;
  private final ParquetFileWriter parquet;
  private final RowGroup group;
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

  PartWriter(Path folder, int index, Sizes sizes, RowGroup group) throws IOException {
    this.index = index;
    this.sizes = sizes;
    this.group = group;
    this.file = folder.resolve(ShardFormat.part(index));
    this.temporary = Durable.temporary(file);
    this.out = new PartOutput(temporary);
    this.parquet =
        new ParquetFileWriter(
            out,
            RowGroup.SCHEMA,
            ParquetFileWriter.Mode.CREATE,
            ParquetWriter.DEFAULT_BLOCK_SIZE, // these two matter to file systems of blocks only
            ParquetWriter.MAX_PADDING_SIZE_DEFAULT,
            null, // not encrypted
            ParquetProperties.builder().build());
    parquet.start();
  }

  void add(Packed packed) throws IOException {
    Chunk chunk = packed.chunk();
    group.add(chunk);
    chunks++;
    tokens += chunk.length() - chunk.padding();
    trained += chunk.trainedTokens();
    padding = chunk.padding();
    next = packed.next();
    if (group.tokens() >= sizes.group()) {
      group.writeTo(parquet);
    }
  }

  boolean full() {
    return tokens + padding >= sizes.part();
  }

  /** Ends the part and gives it its name. */
  Manifest.Part finish(ObjectNode settings) throws IOException {
    if (group.tokens() > 0) {
      group.writeTo(parquet);
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
    parquet.abort();
    parquet.close();
    out.drop();
    Files.deleteIfExists(temporary);
  }
}
