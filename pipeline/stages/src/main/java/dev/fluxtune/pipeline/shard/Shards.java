package dev.fluxtune.pipeline.shard;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Position;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A complete folder of packed shards. */
public final class Shards {

  /** Chunks that can be made from any place in their stream on. */
  public interface Chunks {
    /**
     * @param start where to begin
     * @param atEnd given the account of the whole stream when it is complete
     */
    Flux<Packed> from(Position start, Consumer<Ledger> atEnd);
  }

  /**
   * Writes chunks into a folder, or goes on where a killed run left off, to the same bytes; a
   * folder that is complete is left as it is.
   *
   * @param folder absent, empty, or left by the same settings
   * @param settings all that determines the chunks
   * @throws BadInputException (as an error signal) if the folder holds anything else, if a part is
   *     damaged, or if there is no chunk
   */
  public static Mono<Manifest> write(Path folder, ObjectNode settings, Chunks chunks) {
    throw new UnsupportedOperationException();
  }

  /**
   * Opens a folder; empty if it holds no complete shards.
   *
   * @throws BadInputException if it has a manifest but a file is missing or of another size
   */
  public static Optional<Shards> open(Path folder) {
    throw new UnsupportedOperationException();
  }

  public Manifest manifest() {
    throw new UnsupportedOperationException();
  }

  /**
   * Reads all files and compares their SHA-256 with the manifest's.
   *
   * @throws BadInputException naming the first that differs
   */
  public void verify() {
    throw new UnsupportedOperationException();
  }

  /** All chunks as they were written. */
  public Flux<Chunk> inOrder() {
    return inOrder(0);
  }

  /** As {@link #inOrder()}, without the first {@code skip}, which are not read. */
  public Flux<Chunk> inOrder(long skip) {
    throw new UnsupportedOperationException();
  }

  /** All chunks in the order of an epoch. */
  public Flux<Chunk> shuffled(long seed, long epoch) {
    return shuffled(seed, epoch, 0);
  }

  /** As {@link #shuffled(long, long)}, without the first {@code skip}, which are not read. */
  public Flux<Chunk> shuffled(long seed, long epoch, long skip) {
    throw new UnsupportedOperationException();
  }
}
