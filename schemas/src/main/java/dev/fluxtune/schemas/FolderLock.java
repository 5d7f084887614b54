package dev.fluxtune.schemas;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The right to write into a folder. The operating system holds it, so it ends with the process; the
 * file {@code .lock} that a crash leaves behind locks nothing.
 */
public final class FolderLock implements AutoCloseable {
  /** Hidden, so that no reader of the folder minds it. */
  public static final String FILE = ".lock";

  // Closing any channel to a file drops all locks that the process has on it (POSIX), so the file
  // must not even be opened while another writer of this process holds it.
  private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

  /** Each fails only where another process frees the folder at that very moment. */
  private static final int MOST_ATTEMPTS = 1000;

  private final Path folder;
  private final FileChannel channel;
  private final List<Path> made;

  private FolderLock(Path folder, FileChannel channel, List<Path> made) {
    this.folder = folder;
    this.channel = channel;
    this.made = made;
  }

  /**
   * Takes it; makes the folder where there is none.
   *
   * @throws BadInputException if another writer has it, or if it is a file
   */
  public static FolderLock take(Path folder) throws IOException {
    checkNoFile(folder);
    List<Path> made = new ArrayList<>();
    try {
      return takeMade(folder, made);
    } catch (IOException | RuntimeException e) {
      removeEmpty(made);
      throw e;
    }
  }

  private static FolderLock takeMade(Path folder, List<Path> made) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        make(folder.toAbsolutePath(), made);
        return takeThere(folder, made);
      } catch (NoSuchFileException | FileAlreadyExistsException e) {
        // A writer that ended just now removes its file and the folder: the next makes new ones.
        if (attempt == MOST_ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  /**
   * Refuses a file where a folder is to be written.
   *
   * @throws BadInputException if it is one
   */
  public static void checkNoFile(Path folder) {
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new BadInputException(folder + " is a file; give a folder for the output");
    }
  }

  /**
   * @param made takes the folders that were not there yet, the innermost first
   */
  private static void make(Path folder, List<Path> made) throws IOException {
    List<Path> missing = new ArrayList<>();
    for (Path at = folder; at != null && Files.notExists(at); at = at.getParent()) {
      missing.add(at);
    }
    made.addAll(missing);
    Files.createDirectories(folder);
    for (Path each : missing) {
      Durable.name(each);
    }
  }

  /** As far as they are empty: another process may have begun to use them. */
  private static void removeEmpty(List<Path> folders) throws IOException {
    try {
      for (Path folder : folders) {
        Files.deleteIfExists(folder);
      }
    } catch (DirectoryNotEmptyException e) {
      // It holds what was to be written.
    }
  }

  private static FolderLock takeThere(Path folder, List<Path> made) throws IOException {
    Path real = folder.toRealPath();
    if (!HELD_HERE.add(real)) {
      throw busy(folder);
    }
    try {
      return attempt(real, made);
    } catch (IOException | RuntimeException e) {
      HELD_HERE.remove(real);
      throw e;
    }
  }

  private static FolderLock attempt(Path folder, List<Path> made) throws IOException {
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
      return new FolderLock(folder, channel, made);
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

  /** Frees the folder, and removes it where it was made for nothing: still empty. */
  @Override
  public void close() throws IOException {
    try {
      Files.deleteIfExists(folder.resolve(FILE));
      removeEmpty(made);
    } finally {
      channel.close();
      HELD_HERE.remove(folder);
    }
  }
}
