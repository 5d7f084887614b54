package dev.fluxtune.pipeline.shard;

import com.github.luben.zstd.ZstdDecompressCtx;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Manifest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads chunks by their number, for one subscriber. Owns the files it has open, the last used ones,
 * and native memory; holds one page.
 */
final class ChunkReader implements AutoCloseable {
  /** Parts kept open, a file handle and about 30 kB each: at 8 M tokens a part, 500 M tokens. */
  static final int OPEN_PARTS = 64;

  private final Path folder;
  private final Manifest manifest;
  private final long[] firstChunks; // (parts + 1)
  private final ZstdDecompressCtx zstd = new ZstdDecompressCtx();
  private final Map<Integer, PartReader> open = new LinkedHashMap<>(16, 0.75f, true);
  private @Nullable Page page;
  private long pageStart; // its first chunk
  private long pageEnd; // one past its last

  ChunkReader(Path folder, Manifest manifest) {
    this.folder = folder;
    this.manifest = manifest;
    List<Manifest.Part> parts = manifest.parts();
    this.firstChunks = new long[parts.size() + 1];
    for (int i = 0; i < parts.size(); i++) {
      firstChunks[i + 1] = firstChunks[i] + parts.get(i).chunks();
    }
  }

  /**
   * @param number from 0
   * @throws BadInputException if its part cannot be read
   */
  Chunk chunk(long number) {
    Page held = page;
    if (held == null || number < pageStart || number >= pageEnd) {
      held = load(number);
      page = held;
    }
    boolean last = number == manifest.chunks() - 1;
    return held.chunk((int) (number - pageStart), last ? manifest.padding() : 0);
  }

  private Page load(long number) {
    int at = Arrays.binarySearch(firstChunks, number);
    int index = at >= 0 ? at : -at - 2;
    try {
      PartReader part = part(index);
      int pageIndex = part.pageOf((int) (number - firstChunks[index]));
      Page loaded = Page.read(part, pageIndex, zstd);
      pageStart = firstChunks[index] + part.firstRow(pageIndex);
      pageEnd = firstChunks[index] + part.firstRow(pageIndex + 1);
      return loaded;
    } catch (IOException e) {
      throw Shards.damaged(
          folder.resolve(manifest.parts().get(index).file()), String.valueOf(e.getMessage()));
    }
  }

  private PartReader part(int index) throws IOException {
    PartReader part = open.get(index);
    if (part == null) {
      if (open.size() == OPEN_PARTS) {
        Iterator<PartReader> oldest = open.values().iterator();
        oldest.next().close();
        oldest.remove();
      }
      part = new PartReader(folder.resolve(manifest.parts().get(index).file()));
      open.put(index, part);
    }
    return part;
  }

  @Override
  public void close() {
    zstd.close();
    for (PartReader part : open.values()) {
      part.close();
    }
  }
}
