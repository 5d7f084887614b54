package dev.fluxtune.trainer.checkpoint;

import dev.fluxtune.schemas.Durable;
import dev.fluxtune.schemas.Sha256;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * Changes of files that are on disk when they return. Each goes through {@link #before}, so that a
 * test can end the world there.
 */
class Disk {
  /** What a file's bytes are. */
  record Digest(long bytes, String sha256) {}

  /** Hands a file's bytes over. */
  interface Body {
    void writeTo(Content.Sink sink) throws IOException;
  }

  /** Called before anything changes on disk. */
  void before(Path changed) {}

  void createFolder(Path folder) throws IOException {
    before(folder);
    Files.createDirectories(folder);
  }

  /** Writes a new file; its name is durable once its folder is synced. */
  Digest write(Path file, Body body) throws IOException {
    before(file);
    MessageDigest digest = Sha256.digest();
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      body.writeTo(
          bytes -> {
            before(file);
            digest.update(bytes.duplicate());
            writeAll(channel, bytes);
          });
      before(file);
      channel.force(true);
      return new Digest(channel.size(), HexFormat.of().formatHex(digest.digest()));
    }
  }

  private static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** Gives a file or folder another name beside it; an older file of that name is replaced. */
  void rename(Path from, Path to) throws IOException {
    before(to);
    Durable.rename(from, to);
  }

  /** Removes a file, or a folder with all that it holds, if it is there. */
  void delete(Path path) throws IOException {
    if (!Files.exists(path)) {
      return;
    }
    Files.walkFileTree(
        path,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            before(file);
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failed)
              throws IOException {
            if (failed != null) {
              throw failed;
            }
            before(folder);
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  /** Makes the names in a folder durable. */
  void sync(Path folder) throws IOException {
    before(folder);
    Durable.names(folder);
  }
}
