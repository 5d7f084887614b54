package dev.fluxtune.pipeline.shard;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.Durable;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.ShardFormat;
import dev.fluxtune.schemas.StepPlan;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes part after part into a folder, the manifest last. Owns the open part and native memory.
 * Cancellation closes it from another thread than the one that writes, hence {@code synchronized}.
 */
final class ShardWriter implements AutoCloseable {
  private final Path folder;
  private final ObjectNode settings;
  private final PartWriter.Sizes sizes;
  private final Position start;
  private final List<Manifest.Part> parts;
  private final RowGroup group;
  private int padding;
  private Ledger ledger = Ledger.EMPTY;
  private @Nullable PartWriter open;
  private boolean closed;

  ShardWriter(Path folder, ObjectNode settings, PartWriter.Sizes sizes, Recovery found) {
    this.folder = folder;
    this.settings = settings;
    this.sizes = sizes;
    this.group = new RowGroup(sizes.page());
    this.start = found.next();
    this.parts = found.parts();
    this.padding = found.padding();
  }

  /** Where the first chunk to be written begins. */
  Position start() {
    return start;
  }

  synchronized void add(Packed packed) throws IOException {
    if (closed) {
      return; // cancelled meanwhile
    }
    if (padding > 0) {
      throw new IllegalArgumentException("only the last chunk may be padded");
    }
    PartWriter part = open;
    if (part == null) {
      part = new PartWriter(folder, parts.size(), sizes, group);
      open = part;
    }
    part.add(packed);
    padding = packed.chunk().padding();
    if (part.full()) {
      endPart(part);
    }
  }

  private void endPart(PartWriter part) throws IOException {
    parts.add(part.finish(settings));
    part.close();
    open = null;
  }

  /** Takes the account of the whole stream. */
  synchronized void atEnd(Ledger whole) {
    ledger = whole;
  }

  synchronized Manifest finish() throws IOException {
    if (open != null) {
      endPart(open);
    }
    if (parts.isEmpty()) {
      throw StepPlan.noChunk();
    }
    Manifest manifest =
        new Manifest(
            ShardFormat.VERSION,
            Manifest.fingerprint(settings),
            settings,
            parts,
            parts.stream().mapToLong(Manifest.Part::chunks).sum(),
            parts.stream().mapToLong(Manifest.Part::tokens).sum(),
            parts.stream().mapToLong(Manifest.Part::trained).sum(),
            padding,
            ledger);
    Durable.write(
        folder.resolve(ShardFormat.MANIFEST), manifest.toJson().getBytes(StandardCharsets.UTF_8));
    return manifest;
  }

  /**
   * Removes all parts: what they were made from was bad and will be another thing when it is
   * mended.
   */
  synchronized void discard() throws IOException {
    close();
    for (int i = parts.size() - 1; i >= 0; i--) {
      Files.delete(folder.resolve(parts.get(i).file()));
    }
    parts.clear();
  }

  @Override
  public synchronized void close() throws IOException {
    closed = true;
    group.close();
    if (open != null) {
      open.close();
      open = null;
    }
  }
}
