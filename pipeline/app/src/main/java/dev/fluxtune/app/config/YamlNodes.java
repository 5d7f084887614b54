package dev.fluxtune.app.config;

import dev.fluxtune.schemas.Reason;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.yaml.snakeyaml.DumperOptions.FlowStyle;
import org.yaml.snakeyaml.DumperOptions.ScalarStyle;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeId;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.resolver.Resolver;

/** Files and flags as YAML nodes, which know their line and their text as it was written. */
final class YamlNodes {
  private static final Resolver RESOLVER = new Resolver();

  private YamlNodes() {}

  /** The keys of a file in its order; what cannot be read becomes a problem. */
  static List<Given> entries(Path file, Problems problems) {
    String text;
    if (Files.isDirectory(file)) {
      problems.add(0, "--config", file + " is a folder; give a YAML file");
      return List.of();
    }
    try {
      text = Files.readString(file);
    } catch (NoSuchFileException e) {
      problems.add(0, "--config", "no file " + file);
      return List.of();
    } catch (MalformedInputException e) {
      problems.add(0, "--config", file + " is not UTF-8 text");
      return List.of();
    } catch (IOException e) {
      problems.add(0, "--config", file + " cannot be read: " + Reason.of(e));
      return List.of();
    }
    try {
      Node root = compose(text.startsWith("\uFEFF") ? text.substring(1) : text);
      if (Given.isNull(root)) {
        return List.of();
      }
      if (root instanceof MappingNode map) {
        return entries(map, problems);
      }
      problems.add(
          Given.line(root), "", "the file must hold keys and values such as packing: true");
    } catch (MarkedYAMLException e) {
      Mark mark = e.getProblemMark();
      problems.add(mark == null ? 1 : mark.getLine() + 1, "", "no YAML: " + e.getProblem());
    } catch (YAMLException e) {
      problems.add(1, "", "no YAML: " + e.getMessage());
    }
    return List.of();
  }

  private static List<Given> entries(MappingNode map, Problems problems) {
    Map<String, Integer> lines = new HashMap<>();
    List<Given> entries = new ArrayList<>();
    for (NodeTuple tuple : map.getValue()) {
      int line = Given.line(tuple.getKeyNode());
      if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
        problems.add(line, "", "a key must be a word");
        continue;
      }
      Given entry = new Given(line, key.getValue(), tuple.getValueNode());
      Integer before = lines.putIfAbsent(key.getValue(), line);
      if (before == null) {
        entries.add(entry);
      } else {
        problems.add(entry, "given twice; line " + before + " has it too");
      }
    }
    return entries;
  }

  /** A flag's values; {@code bare} is what it means without any. */
  static Node of(List<String> values, String bare) {
    if (values.size() > 1) {
      List<Node> nodes = values.stream().map(YamlNodes::scalar).toList();
      return new SequenceNode(Tag.SEQ, true, nodes, null, null, FlowStyle.FLOW);
    }
    return scalar(values.isEmpty() ? bare : values.get(0));
  }

  static Node scalar(String text) {
    Tag tag = RESOLVER.resolve(NodeId.scalar, text, true);
    return new ScalarNode(tag, text, null, null, ScalarStyle.PLAIN);
  }

  /** A collection that is written in a text, as flags and Hugging Face's JSON strings have it. */
  static Optional<Node> collectionIn(Node node) {
    if (!(node instanceof ScalarNode scalar) || !scalar.getValue().matches("(?s)\\s*[\\[{].*")) {
      return Optional.empty();
    }
    try {
      return Optional.of(compose(scalar.getValue()));
    } catch (YAMLException e) {
      return Optional.empty(); // then it is told as a value of the wrong type
    }
  }

  private static Node compose(String text) {
    Node root = new Yaml().compose(new StringReader(text));
    return root == null ? scalar("null") : root;
  }
}
