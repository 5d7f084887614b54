package dev.fluxtune.pipeline.shard;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.pipeline.shuffle.Permutation;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.FolderLock;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.Sha256;
import dev.fluxtune.schemas.ShardFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.function.LongUnaryOperator;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** A complete folder of packed shards. */
public final class Shards {
  /**
   * As measured: smaller pages cost space, larger ones time where chunks are read in any order. The
   * property is for tests/faults/kill_pack, which needs many parts of little data.
   */
  static final PartWriter.Sizes SIZES =
      new PartWriter.Sizes(1 << 16, 1 << 20, Long.getLong("fluxtune.part.tokens", 1 << 23));

  /** Chunks that wait for the thread that writes them. */
  private static final int AHEAD = 8;

  private final Path folder;
  private final Manifest manifest;

  private Shards(Path folder, Manifest manifest) {
    this.folder = folder;
    this.manifest = manifest;
  }

  /** Chunks that can be made from any place in their stream on. */
  public interface Chunks {
    /**
     * The chunks from a place on.
     *
     * @param start where to begin
     * @param atEnd given the account of the whole stream when it is complete
     */
    Flux<Packed> from(Position start, Consumer<Ledger> atEnd);
  }

  /**
   * Writes chunks into a folder, on a thread of its own, or goes on where a killed run left off, to
   * the same bytes; a folder that is complete is left as it is. Whatever happens, the folder has no
   * manifest before all its chunks are on disk.
   *
   * @param folder absent, empty, or left by the same settings
   * @param settings all that determines the chunks
   * @throws BadInputException (as an error signal) if the folder holds anything else, if it cannot
   *     be written, or if there is no chunk
   */
  public static Mono<Manifest> write(Path folder, ObjectNode settings, Chunks chunks) {
    return write(folder, settings, chunks, SIZES);
  }

  static Mono<Manifest> write(
      Path folder, ObjectNode settings, Chunks chunks, PartWriter.Sizes sizes) {
    return Mono.using(
        () -> attempt(folder, () -> FolderLock.take(folder)),
        lock -> {
          Optional<Manifest> complete = open(folder).map(Shards::manifest);
          if (complete.isEmpty()) {
            return writeParts(folder, settings, chunks, sizes);
          }
          Manifest found = complete.get();
          return found.fingerprint().equals(Manifest.fingerprint(settings))
              ? Mono.just(found)
              : Mono.error(Mismatch.of(folder, found.version(), found.settings(), settings));
        },
        lock -> attempt(folder, lock::close));
  }

  private static Mono<Manifest> writeParts(
      Path folder, ObjectNode settings, Chunks chunks, PartWriter.Sizes sizes) {
    return Mono.using(
        () ->
            attempt(
                folder,
                () -> new ShardWriter(folder, settings, sizes, Recovery.of(folder, settings))),
        writer ->
            Mono.using(
                () -> Executors.newSingleThreadExecutor(Shards::thread),
                thread ->
                    chunks
                        .from(writer.start(), writer::atEnd)
                        .publishOn(Schedulers.fromExecutorService(thread), AHEAD)
                        .doOnError(BadInputException.class, e -> attempt(folder, writer::discard))
                        .doOnNext(packed -> attempt(folder, () -> writer.add(packed)))
                        .then(Mono.fromCallable(() -> attempt(folder, writer::finish))),
                // Not the scheduler's own dispose, which interrupts: what waits is short.
                ExecutorService::shutdown),
        writer -> attempt(folder, writer::close));
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "shards");
    thread.setDaemon(true);
    return thread;
  }

  private interface Action {
    void run() throws IOException;
  }

  private static void attempt(Path folder, Action action) {
    attempt(
        folder,
        () -> {
          action.run();
          return true;
        });
  }

  private static <T> T attempt(Path folder, Callable<T> action) {
    try {
      return action.call();
    } catch (RuntimeException e) {
      throw e;
    } catch (IOException e) {
      throw new BadInputException(
          "%s: cannot be written (%s): free it or give another folder; started again, it goes on after the last whole part"
              .formatted(folder, Reason.of(e)),
          e);
    } catch (Throwable e) {
      // Reactor rethrows fatal errors on the thread that writes, and the stream would hang.
      throw new IllegalStateException("writing " + folder + " failed: " + e, e);
    }
  }

  /**
   * Opens a folder; empty if it holds no complete shards.
   *
   * @throws BadInputException if it has a manifest but a file is missing or of another size
   */
  public static Optional<Shards> open(Path folder) {
    Path file = folder.resolve(ShardFormat.MANIFEST);
    if (!Files.isDirectory(folder) || Files.notExists(file)) {
      return Optional.empty();
    }
    try {
      Optional<Manifest> manifest = Manifest.fromJson(Files.readString(file), file.toString());
      if (manifest.isEmpty()) {
        return Optional.empty();
      }
      for (Manifest.Part part : manifest.get().parts()) {
        Path path = folder.resolve(part.file());
        long bytes = Files.exists(path) ? Files.size(path) : 0;
        if (bytes != part.bytes()) {
          throw damaged(path, "it has %d bytes, not %d".formatted(bytes, part.bytes()));
        }
      }
      return manifest.map(whole -> new Shards(folder, whole));
    } catch (IOException e) {
      throw damaged(file, Reason.of(e));
    }
  }

  static BadInputException damaged(Path file, String how) {
    return new BadInputException(
        "%s: is damaged (%s): remove the folder and pack again".formatted(file, how));
  }

  public Manifest manifest() {
    return manifest;
  }

  /** In what the settings they were made by differ from others, a line each; empty if in none. */
  public Optional<String> differsFrom(ObjectNode settings) {
    return manifest.fingerprint().equals(Manifest.fingerprint(settings))
        ? Optional.empty()
        : Optional.of(
            Mismatch.differences(folder, manifest.version(), manifest.settings(), settings));
  }

  /**
   * Reads all files and compares their SHA-256 with the manifest's.
   *
   * @throws BadInputException naming the first that differs
   */
  public void verify() {
    for (Manifest.Part part : manifest.parts()) {
      Path path = folder.resolve(part.file());
      String found;
      try {
        found = Sha256.of(path);
      } catch (IOException e) {
        throw damaged(path, Reason.of(e));
      }
      if (!found.equals(part.sha256())) {
        throw damaged(path, "its SHA-256 is %s, not %s".formatted(found, part.sha256()));
      }
    }
  }

  /** The chunks as they were written, without the first {@code skip}, which are not read. */
  public Flux<Chunk> inOrder(long skip) {
    return read(skip, LongUnaryOperator.identity());
  }

  /** The chunks in the order of an epoch, without the first {@code skip}, which are not read. */
  public Flux<Chunk> shuffled(long seed, long epoch, long skip) {
    return read(skip, new Permutation(manifest.chunks(), seed, epoch)::at);
  }

  private Flux<Chunk> read(long skip, LongUnaryOperator order) {
    if (skip < 0 || skip > manifest.chunks()) {
      throw new IllegalArgumentException(
          "cannot skip %d of %d chunks".formatted(skip, manifest.chunks()));
    }
    return Flux.generate(
        () -> new Reading(new ChunkReader(folder, manifest), skip),
        (reading, sink) -> {
          if (reading.place < manifest.chunks()) {
            sink.next(reading.chunks.chunk(order.applyAsLong(reading.place++)));
          } else {
            sink.complete();
          }
          return reading;
        },
        reading -> reading.chunks.close());
  }

  /** How far one subscriber has come. */
  private static final class Reading {
    final ChunkReader chunks;
    long place;

    Reading(ChunkReader chunks, long place) {
      this.chunks = chunks;
      this.place = place;
    }
  }
}
