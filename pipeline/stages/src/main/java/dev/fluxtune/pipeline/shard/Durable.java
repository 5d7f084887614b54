package dev.fluxtune.pipeline.shard;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Changes of a folder that are on disk when they return. */
final class Durable {
  private Durable() {}

  /** The name of a file while it is written: hidden, so that no reader takes it for whole. */
  static Path temporary(Path file) {
    return file.resolveSibling("." + file.getFileName() + ".tmp");
  }

  /** Gives a file that is whole and synced its own name. */
  static void rename(Path temporary, Path file) throws IOException {
    Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    name(file);
  }

  /** Makes the name of a file or folder durable in the folder above. */
  static void name(Path path) throws IOException {
    Path folder = path.toAbsolutePath().getParent();
    if (folder == null) {
      return;
    }
    try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
      names.force(true);
    } catch (AccessDeniedException e) {
      // Windows opens no folders, and keeps their names itself.
    }
  }
}
