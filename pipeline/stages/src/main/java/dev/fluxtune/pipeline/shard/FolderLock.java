package dev.fluxtune.pipeline.shard;

import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The right to write into a folder. The operating system holds it, so it ends with the process; the
 * file {@code .lock} that a crash leaves behind locks nothing.
 */
final class FolderLock implements AutoCloseable {
  static final String FILE = ".lock";

  // Closing any channel to a file drops all locks that the process has on it (POSIX), so the file
  // must not even be opened while another writer of this process holds it.
  private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

  private final Path folder;
  private final FileChannel channel;

  private FolderLock(Path folder, FileChannel channel) {
    this.folder = folder;
    this.channel = channel;
  }

  /**
   * @param folder must exist
   * @throws BadInputException if another writer has it
   */
  static FolderLock take(Path folder) throws IOException {
    Path real = folder.toRealPath();
    if (!HELD_HERE.add(real)) {
      throw busy(folder);
    }
    try {
      while (true) {
        try {
          return attempt(real);
        } catch (NoSuchFileException e) {
          // A writer that ended just now has removed the file: the next attempt makes a new one.
        }
      }
    } catch (IOException | RuntimeException e) {
      HELD_HERE.remove(real);
      throw e;
    }
  }

  private static FolderLock attempt(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    try {
      Files.createFile(file);
    } catch (FileAlreadyExistsException e) {
      // Left by a crash, or in use: the lock on it tells.
    }
    Object before = key(file);
    FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
    try {
      if (channel.tryLock() == null) {
        throw busy(folder);
      }
      // While we have it open no other file can get its key, so equal keys mean: it is still there.
      if (!Objects.equals(before, key(file))) {
        throw new NoSuchFileException(file.toString());
      }
      return new FolderLock(folder, channel);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static Object key(Path file) throws IOException {
    return String.valueOf(Files.readAttributes(file, BasicFileAttributes.class).fileKey());
  }

  private static BadInputException busy(Path folder) {
    return new BadInputException(
        folder + ": another process is writing into it: let it end, or give another folder");
  }

  @Override
  public void close() throws IOException {
    try {
      Files.deleteIfExists(folder.resolve(FILE));
    } finally {
      channel.close();
      HELD_HERE.remove(folder);
    }
  }
}
