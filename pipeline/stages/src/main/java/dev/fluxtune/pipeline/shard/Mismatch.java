package dev.fluxtune.pipeline.shard;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.ShardFormat;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** Says in which settings a folder of shards differs from what was asked for. */
final class Mismatch {
  private Mismatch() {}

  static BadInputException of(Path folder, int version, ObjectNode theirs, ObjectNode ours) {
    return new BadInputException(
        differences(folder, version, theirs, ours)
            + "\ngive another output folder, the settings above, or remove the folder");
  }

  /** One difference a line. */
  static String differences(Path folder, int version, ObjectNode theirs, ObjectNode ours) {
    StringBuilder message = new StringBuilder();
    message.append(folder).append(": holds shards made by other settings (theirs → ours):");
    if (version != ShardFormat.VERSION) {
      message.append("\n  format version: ").append(version).append(" → ");
      message.append(ShardFormat.VERSION);
    }
    Map<String, String> left = flat(theirs);
    Map<String, String> right = flat(ours);
    TreeSet<String> keys = new TreeSet<>(left.keySet());
    keys.addAll(right.keySet());
    for (String key : keys) {
      String before = left.getOrDefault(key, "unset");
      String now = right.getOrDefault(key, "unset");
      if (!before.equals(now)) {
        message.append("\n  ").append(key).append(": ").append(before).append(" → ").append(now);
      }
    }
    return message.toString();
  }

  private static Map<String, String> flat(ObjectNode settings) {
    Map<String, String> flat = new TreeMap<>();
    flatten("", settings, flat);
    return flat;
  }

  private static void flatten(String prefix, JsonNode node, Map<String, String> into) {
    if (node instanceof ObjectNode object) {
      object
          .properties()
          .forEach(
              entry ->
                  flatten(
                      prefix.isEmpty() ? entry.getKey() : prefix + "." + entry.getKey(),
                      entry.getValue(),
                      into));
    } else {
      into.put(prefix, node.toString());
    }
  }
}
