package dev.fluxtune.schemas;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** In which settings something kept is not what was asked for. */
public final class Differences {
  private Differences() {}

  /**
   * {@code key: theirs → ours} of each setting that differs, nested ones by {@code outer.inner}, of
   * lists by {@code outer[0].inner}.
   */
  public static List<String> between(ObjectNode theirs, ObjectNode ours) {
    Map<String, JsonNode> left = new TreeMap<>();
    Map<String, JsonNode> right = new TreeMap<>();
    flatten("", theirs, left);
    flatten("", ours, right);
    TreeSet<String> keys = new TreeSet<>(left.keySet());
    keys.addAll(right.keySet());
    return keys.stream()
        .filter(key -> !same(left.get(key), right.get(key)))
        .map(key -> key + ": " + text(left.get(key)) + " → " + text(right.get(key)))
        .toList();
  }

  /** By value: the order of an object's keys means nothing, nor how wide a number is kept. */
  private static boolean same(@Nullable JsonNode left, @Nullable JsonNode right) {
    return left != null
        && right != null
        && (left.equals(right) || left.toString().equals(right.toString()));
  }

  private static String text(@Nullable JsonNode value) {
    return value == null ? "unset" : value.toString();
  }

  private static void flatten(String prefix, JsonNode node, Map<String, JsonNode> into) {
    if (node instanceof ObjectNode object) {
      object
          .properties()
          .forEach(
              entry ->
                  flatten(
                      prefix.isEmpty() ? entry.getKey() : prefix + "." + entry.getKey(),
                      entry.getValue(),
                      into));
    } else if (node.isArray() && !node.isEmpty() && node.path(0).isObject()) {
      for (int i = 0; i < node.size(); i++) {
        flatten(prefix + "[" + i + "]", node.path(i), into);
      }
    } else {
      into.put(prefix, node);
    }
  }
}
