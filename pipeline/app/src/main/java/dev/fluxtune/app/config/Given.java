package dev.fluxtune.app.config;

import java.util.List;
import java.util.Locale;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * A value as the user gave it.
 *
 * @param line the line of the file it stands in; of a flag, minus its place on the command line
 * @param label the name it was given under: {@code max_length}, {@code --max_length}
 */
record Given(int line, String label, Node node) {

  boolean isFlag() {
    return line <= 0;
  }

  /** The same place, for a part of the value that lies deeper. */
  Given part(String suffix, Node part) {
    return new Given(isFlag() ? line : line(part), label + suffix, part);
  }

  static int line(Node node) {
    return node.getStartMark().getLine() + 1;
  }

  boolean isNull() {
    return isNull(node);
  }

  static boolean isNull(Node node) {
    return node.getTag().equals(Tag.NULL);
  }

  /** Whether it is a text without a character; a key of a file with nothing behind it is not. */
  boolean isEmptyText() {
    return node instanceof ScalarNode scalar
        && scalar.getValue().isBlank()
        && (isFlag() || !isNull());
  }

  /** What was found, for a message. */
  String found() {
    if (node instanceof ScalarNode scalar) {
      return isNull() ? "null" : scalar.getValue();
    }
    return node instanceof SequenceNode ? "a list" : "a mapping";
  }

  /** Whether the value is one of these, written as YAML; numbers by their value. */
  boolean isOneOf(List<String> values) {
    String text = canonical(text());
    return values.stream().anyMatch(value -> canonical(value).equals(text));
  }

  private String text() {
    if (node instanceof SequenceNode list) {
      return list.getValue().isEmpty() ? "[]" : "a list";
    }
    if (node instanceof MappingNode map) {
      return map.getValue().isEmpty() ? "{}" : "a mapping";
    }
    return isNull() ? "null" : ((ScalarNode) node).getValue();
  }

  private static String canonical(String text) {
    if (Values.NUMBER.matcher(text).matches()) {
      return Double.toString(Double.parseDouble(text.replace("_", "")));
    }
    return text.toLowerCase(Locale.ROOT);
  }
}
