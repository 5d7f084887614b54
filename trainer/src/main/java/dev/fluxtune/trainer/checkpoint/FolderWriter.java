package dev.fluxtune.trainer.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** Fills a new folder with files, and remembers what they are. */
final class FolderWriter {
  private final Disk disk;
  private final Path folder;
  private final Map<String, Disk.Digest> files = new TreeMap<>();

  FolderWriter(Disk disk, Path folder) throws IOException {
    this.disk = disk;
    this.folder = folder;
    disk.delete(folder);
    disk.createFolder(folder);
  }

  Path folder() {
    return folder;
  }

  /** What was written so far, by name. */
  Map<String, Disk.Digest> files() {
    return Collections.unmodifiableMap(files);
  }

  void write(String name, Disk.Body body) throws IOException {
    files.put(name, disk.write(folder.resolve(name), body));
  }

  void write(String name, byte[] content) throws IOException {
    write(name, sink -> sink.write(ByteBuffer.wrap(content)));
  }

  void write(String name, String text) throws IOException {
    write(name, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Makes the names durable. */
  void sync() throws IOException {
    disk.sync(folder);
  }
}
