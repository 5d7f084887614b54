package dev.fluxtune.schemas;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** In which settings something kept is not what was asked for. */
public final class Differences {
  private Differences() {}

  /**
   * {@code key: theirs → ours} of each setting that differs, nested ones by {@code outer.inner}.
   */
  public static List<String> between(ObjectNode theirs, ObjectNode ours) {
    Map<String, String> left = new TreeMap<>();
    Map<String, String> right = new TreeMap<>();
    flatten("", theirs, left);
    flatten("", ours, right);
    TreeSet<String> keys = new TreeSet<>(left.keySet());
    keys.addAll(right.keySet());
    return keys.stream()
        .filter(key -> !value(left, key).equals(value(right, key)))
        .map(key -> key + ": " + value(left, key) + " → " + value(right, key))
        .toList();
  }

  private static String value(Map<String, String> settings, String key) {
    return settings.getOrDefault(key, "unset");
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
