package dev.fluxtune.pipeline.source;

import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.jspecify.annotations.Nullable;

/**
 * Owns what it takes to read a data set's files one after the other: a file and a batch. May be
 * closed by another thread than the one that reads.
 */
final class Reading implements AutoCloseable {
  private final List<Path> files;
  private final Iterator<Path> rest;
  private final Columns.Names names;
  private final BadRows bad;
  private final LongConsumer progress;
  private final BufferAllocator allocator;
  private final Row row = new Row();
  private @Nullable RowFile open;
  private Columns columns;
  private RecordBatchBuilder builder;
  private long bytesLeft;
  private boolean any;
  private boolean closed;

  Reading(
      List<Path> files,
      Columns.Names names,
      BadRows bad,
      LongConsumer progress,
      BufferAllocator allocator) {
    if (files.isEmpty()) {
      throw new BadInputException("no file of rows was given; name one");
    }
    this.files = files;
    this.rest = files.iterator();
    this.names = names;
    this.bad = bad;
    this.progress = progress;
    this.allocator = allocator;
    this.columns = new Columns("", names);
    this.builder = builder(columns, allocator);
  }

  private static RecordBatchBuilder builder(Columns columns, BufferAllocator allocator) {
    return new RecordBatchBuilder(columns.names(), RecordBatchBuilder.MAX_BYTES, allocator);
  }

  /** Reads the next batch; empty at the end. */
  synchronized Optional<RecordBatch> next() {
    if (closed) {
      return Optional.empty();
    }
    while (open != null || rest.hasNext()) {
      RowFile file = open == null ? open(rest.next()) : open;
      boolean ended = fill(file);
      if (ended) {
        closeFile();
        if (!rest.hasNext() && (any || builder.size() > 0)) {
          names.checkMet(dataSet());
        }
      }
      if (builder.size() > 0) {
        any = true;
        return Optional.of(builder.build());
      }
    }
    checkAny();
    return Optional.empty();
  }

  private RowFile open(Path path) {
    columns = new Columns(path.toString(), names);
    builder.close();
    builder = builder(columns, allocator);
    bytesLeft = size(path);
    RowFile file = RowFiles.open(path, columns, bad, this::behind, allocator);
    open = file;
    if (file.hasHeader() && !rest.hasNext()) {
      names.checkMet(dataSet()); // before any row, where it can be known
    }
    return file;
  }

  private static long size(Path path) {
    try {
      return Files.size(path);
    } catch (IOException e) {
      return 0; // opening it says what is wrong
    }
  }

  private void behind(long bytes) {
    long counted = Math.min(bytes, bytesLeft);
    bytesLeft -= counted;
    progress.accept(counted);
  }

  /** Fills the batch; true if the file ends with it. */
  private boolean fill(RowFile file) {
    try {
      while (!builder.isFull()) {
        if (!file.next(row)) {
          return true;
        }
        builder.add(row, columns.path());
      }
      return false;
    } catch (BadInputException | OutOfMemoryException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw RowFiles.broken(columns.path(), file.format(), e);
    }
  }

  private void closeFile() {
    RowFile file = open;
    open = null;
    if (file != null) {
      behind(bytesLeft); // of columns that were not read, too
      try {
        file.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private void checkAny() {
    if (!any) {
      throw new BadInputException(dataSet() + ": " + bad.noneLeft());
    }
  }

  private String dataSet() {
    return files.size() == 1
        ? files.get(0).toString()
        : "%s … %s (%d files)".formatted(files.get(0), files.get(files.size() - 1), files.size());
  }

  @Override
  public synchronized void close() {
    closed = true;
    builder.close();
    closeFile();
  }
}
