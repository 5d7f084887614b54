package dev.fluxtune.trainer.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Size and digest of every file of a checkpoint: how a damaged one is told from a whole one. */
final class FileList {
  private FileList() {}

  static String toJson(Map<String, Disk.Digest> files) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("format", CheckpointFormat.NAME).put("version", CheckpointFormat.VERSION);
    ObjectNode list = json.putObject("files");
    files.forEach(
        (name, digest) ->
            list.putObject(name).put("bytes", digest.bytes()).put("sha256", digest.sha256()));
    return json.toPrettyString() + "\n";
  }

  /** What is wrong with a folder; empty if it is whole. All bytes are read. */
  static Optional<String> damage(Path folder) {
    Path list = folder.resolve(CheckpointFormat.FILES);
    Map<String, Disk.Digest> files = new LinkedHashMap<>();
    try {
      String text = Files.readString(list);
      for (Map.Entry<String, JsonNode> file :
          new JsonMapper().readTree(text).path("files").properties()) {
        JsonNode digest = file.getValue();
        files.put(
            file.getKey(),
            new Disk.Digest(digest.path("bytes").asLong(), digest.path("sha256").asText()));
      }
      if (files.isEmpty() || !toJson(files).equals(text)) {
        return Optional.of(CheckpointFormat.FILES + " is damaged or of another version");
      }
    } catch (IOException e) {
      return Optional.of(
          Files.exists(list)
              ? CheckpointFormat.FILES + " cannot be read"
              : "it has no " + CheckpointFormat.FILES + ", which is written last");
    }
    return files.entrySet().stream()
        .flatMap(
            file ->
                damage(folder.resolve(file.getKey()), file.getValue())
                    .map(what -> file.getKey() + " " + what)
                    .stream())
        .findFirst();
  }

  private static Optional<String> damage(Path file, Disk.Digest written) {
    if (!Files.isRegularFile(file)) {
      return Optional.of("is missing");
    }
    try {
      long bytes = Files.size(file);
      if (bytes != written.bytes()) {
        return Optional.of("has %d bytes, %d were written".formatted(bytes, written.bytes()));
      }
      return Sha256.of(file).equals(written.sha256())
          ? Optional.empty()
          : Optional.of("holds other bytes than were written");
    } catch (IOException e) {
      return Optional.of("cannot be read (%s)".formatted(e.getMessage()));
    }
  }
}
