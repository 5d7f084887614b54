package dev.fluxtune.trainer.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The weights of a model's folder: one safetensors file, or shards and the index that names them.
 */
public final class ModelFiles {
  private ModelFiles() {}

  /**
   * Which file of a folder holds which weight.
   *
   * @throws BadInputException if there are none or a file is damaged
   */
  public static Map<String, SafeTensors> read(Path folder) {
    Map<String, SafeTensors> found = new LinkedHashMap<>();
    if (Files.exists(folder.resolve(CheckpointFormat.WEIGHTS))) {
      SafeTensors file = SafeTensors.read(folder.resolve(CheckpointFormat.WEIGHTS));
      file.tensors().keySet().forEach(name -> found.put(name, file));
    } else if (Files.exists(folder.resolve(CheckpointFormat.INDEX))) {
      readShards(folder, found);
    } else {
      throw new BadInputException(
          "%s holds neither %s nor %s: save the model with transformers' save_pretrained"
              .formatted(folder, CheckpointFormat.WEIGHTS, CheckpointFormat.INDEX));
    }
    return found;
  }

  private static void readShards(Path folder, Map<String, SafeTensors> found) {
    Path index = folder.resolve(CheckpointFormat.INDEX);
    JsonNode map;
    try {
      map = new JsonMapper().readTree(Files.readAllBytes(index)).path("weight_map");
    } catch (IOException e) {
      throw new BadInputException("%s cannot be read: %s".formatted(index, Reason.of(e)), e);
    }
    if (map.isEmpty()) {
      throw new BadInputException(index + " has no weight_map: save the model again");
    }
    Map<String, SafeTensors> open = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      String shard = entry.getValue().asText();
      if (!Path.of(shard).equals(Path.of(shard).getFileName())) {
        throw new BadInputException(
            "%s: %s lies in %s, outside the model's folder"
                .formatted(index, entry.getKey(), shard));
      }
      if (!open.containsKey(shard) && !Files.exists(folder.resolve(shard))) {
        throw new BadInputException(
            "%s names %s, which is missing; fetch that file too, or save the model again"
                .formatted(index, shard));
      }
      SafeTensors file =
          open.computeIfAbsent(shard, name -> SafeTensors.read(folder.resolve(name)));
      if (!file.tensors().containsKey(entry.getKey())) {
        throw new BadInputException(
            "%s: %s should be in %s and is not; fetch or save the model again"
                .formatted(index, entry.getKey(), shard));
      }
      found.put(entry.getKey(), file);
    }
  }

  /**
   * Writes weights, in their order, into as many shards as it takes.
   *
   * @param shardBytes what a shard holds at most, unless a single tensor is larger
   */
  static void write(FolderWriter into, Map<String, Content> weights, long shardBytes)
      throws IOException {
    List<Map<String, Content>> shards = shards(weights, shardBytes);
    for (int i = 0; i < shards.size(); i++) {
      into.write(CheckpointFormat.shard(i, shards.size()), SafeTensorsWriter.body(shards.get(i)));
    }
    if (shards.size() > 1) {
      into.write(CheckpointFormat.INDEX, index(shards));
    }
  }

  private static List<Map<String, Content>> shards(Map<String, Content> weights, long shardBytes) {
    List<Map<String, Content>> shards = new ArrayList<>();
    Map<String, Content> open = new LinkedHashMap<>();
    long used = 0;
    for (Map.Entry<String, Content> weight : weights.entrySet()) {
      long bytes = SafeTensorsWriter.dataBytes(weight.getValue());
      if (used > 0 && used + bytes > shardBytes) {
        shards.add(open);
        open = new LinkedHashMap<>();
        used = 0;
      }
      open.put(weight.getKey(), weight.getValue());
      used += bytes;
    }
    shards.add(open);
    return shards;
  }

  /** As transformers writes it. */
  private static String index(List<Map<String, Content>> shards) {
    Map<String, String> places = new TreeMap<>();
    long bytes = 0;
    long numbers = 0;
    for (int i = 0; i < shards.size(); i++) {
      for (Map.Entry<String, Content> weight : shards.get(i).entrySet()) {
        places.put(weight.getKey(), CheckpointFormat.shard(i, shards.size()));
        long size = SafeTensorsWriter.dataBytes(weight.getValue());
        bytes += size;
        numbers += size / SafeTensors.bytesOf(weight.getValue().dtype());
      }
    }
    ObjectNode index = JsonNodeFactory.instance.objectNode();
    index.putObject("metadata").put("total_parameters", numbers).put("total_size", bytes);
    ObjectNode map = index.putObject("weight_map");
    places.forEach(map::put);
    return index.toPrettyString() + "\n";
  }
}
