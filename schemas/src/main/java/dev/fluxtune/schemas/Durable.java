package dev.fluxtune.schemas;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Changes of files and folders that are on disk when they return. */
public final class Durable {
  private Durable() {}

  /** The name of a file while it is written: hidden, so that no reader takes it for whole. */
  public static Path temporary(Path file) {
    return file.resolveSibling("." + file.getFileName() + ".tmp");
  }

  /**
   * Writes a file; an older one of that name is there whole until the new one is. Where it fails
   * nothing is left over.
   */
  public static void write(Path file, byte[] content) throws IOException {
    Path temporary = temporary(file);
    try {
      fill(temporary, content);
      rename(temporary, file);
    } catch (IOException e) {
      if (Files.isRegularFile(temporary)) {
        Files.delete(temporary);
      }
      throw e;
    }
  }

  private static void fill(Path file, byte[] content) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.wrap(content);
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
  }

  /** Gives a file or folder that is whole and synced its own name, beside the one it had. */
  public static void rename(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    name(to);
  }

  /** Makes the name of a file or folder durable in the folder above. */
  public static void name(Path path) throws IOException {
    Path folder = path.toAbsolutePath().getParent();
    if (folder != null) {
      names(folder);
    }
  }

  /** Makes the names in a folder durable. */
  public static void names(Path folder) throws IOException {
    try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
      names.force(true);
    } catch (AccessDeniedException e) {
      // Windows opens no folders, and keeps their names itself.
    }
  }
}
