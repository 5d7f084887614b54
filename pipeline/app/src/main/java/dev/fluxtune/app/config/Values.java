package dev.fluxtune.app.config;

import dev.fluxtune.schemas.Nearest;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.Setting;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/** Reads a YAML node as the type of its key, and says what would be right where it is not. */
final class Values {
  static final Pattern NUMBER =
      Pattern.compile("[+-]?(\\d[\\d_]*(\\.[\\d_]*)?|\\.\\d[\\d_]*)([eE][+-]?\\d+)?");
  private static final Pattern WHOLE = Pattern.compile("[+-]?\\d[\\d_]*");
  // What PyYAML and the flags of transformers take for a boolean.
  private static final Set<String> TRUE = Set.of("true", "t", "yes", "y", "on", "1");
  private static final Set<String> FALSE = Set.of("false", "f", "no", "n", "off", "0");

  /** What is said of the keys of {@code datasets} that TRL knows and we do not. */
  private static final Map<String, String> SOURCE_KEYS_REFUSED =
      Map.of(
          "name", "not supported; give the folder of that configuration as path",
          "data_dir", "not supported; give the folder as path",
          "data_files", "not supported; give a file or a glob as path, one entry each",
          "fraction", "not supported; leave it out and give the rows that are wanted as a file");

  private final Problems problems;

  Values(Problems problems) {
    this.problems = problems;
  }

  /** The component's value, or empty where a problem was added. */
  Optional<Object> read(Key key, Given given) {
    if (given.isNull()) {
      if (key.optional()) {
        return Optional.of(Optional.empty());
      }
      if (key.isCollection()) {
        return Optional.of(key.isMap() ? Map.of() : List.of());
      }
    }
    Optional<Object> value = read(key.type(), given, key.setting());
    return key.optional() ? value.map(Optional::of) : value;
  }

  private Optional<Object> read(Type type, Given given, Setting setting) {
    if (type instanceof ParameterizedType it) {
      Optional<Node> written = YamlNodes.collectionIn(given.node());
      if (written.isPresent()) {
        return read(type, new Given(given.line(), given.label(), written.get()), setting);
      }
      Type[] arguments = it.getActualTypeArguments();
      return it.getRawType() == Map.class
          ? map(given, arguments[1], setting)
          : list(given, arguments[0], setting);
    }
    if (!(given.node() instanceof ScalarNode)) {
      return wrong(given, "must be " + kind(type));
    }
    if (type == String.class) {
      return given.isNull() ? wrong(given, "must be text") : Optional.of(given.found());
    }
    return given.isNull() ? wrong(given, "must be " + kind(type)) : scalar(type, given, setting);
  }

  private Optional<Object> scalar(Type type, Given given, Setting setting) {
    String text = given.found();
    if (type == boolean.class || type == Boolean.class) {
      String word = text.toLowerCase(Locale.ROOT);
      return TRUE.contains(word) || FALSE.contains(word)
          ? Optional.of(TRUE.contains(word))
          : wrong(given, "must be true or false");
    }
    if (type instanceof Class<?> it && it.isEnum()) {
      return choice(it, given);
    }
    boolean real = type == double.class || type == Double.class;
    if (!(real ? NUMBER : WHOLE).matcher(text).matches()) {
      return wrong(given, "must be " + kind(type));
    }
    String digits = text.replace("_", "");
    return real
        ? real(Double.parseDouble(digits), given, setting)
        : whole(type, new BigInteger(digits), given, setting);
  }

  private Optional<Object> real(double value, Given given, Setting setting) {
    if (Double.isInfinite(value)) {
      return wrong(given, "is too large");
    }
    return inRange(value, given, setting) ? Optional.of(value) : Optional.empty();
  }

  private Optional<Object> whole(Type type, BigInteger value, Given given, Setting setting) {
    boolean small = type == int.class || type == Integer.class;
    BigInteger most = BigInteger.valueOf(small ? Integer.MAX_VALUE : Long.MAX_VALUE);
    if (value.abs().compareTo(most) > 0) {
      return wrong(given, "must be at most " + most);
    }
    if (!inRange(value.doubleValue(), given, setting)) {
      return Optional.empty();
    }
    return small ? Optional.of(value.intValue()) : Optional.of(value.longValue());
  }

  private boolean inRange(double value, Given given, Setting setting) {
    if (value >= setting.min() && value <= setting.max()) {
      return true;
    }
    String least = number(setting.min());
    String most = number(setting.max());
    if (Double.isInfinite(setting.max())) {
      wrong(given, "must be at least " + least);
    } else if (Double.isInfinite(setting.min())) {
      wrong(given, "must be at most " + most);
    } else {
      wrong(given, "must be between " + least + " and " + most);
    }
    return false;
  }

  private Optional<Object> choice(Class<?> type, Given given) {
    List<String> names = Key.names(type);
    int at = names.indexOf(given.found());
    if (at >= 0) {
      return Optional.of(type.getEnumConstants()[at]);
    }
    problems.add(
        given,
        "must be "
            + either(names)
            + " (got "
            + given.found()
            + ")"
            + Nearest.hint(given.found(), names));
    return Optional.empty();
  }

  private Optional<Object> list(Given given, Type element, Setting setting) {
    if (element == RunConfig.Source.class) {
      return sources(given);
    }
    if (given.node() instanceof MappingNode) {
      return wrong(given, "must be a list");
    }
    // One value stands for the list of it: report_to: page.
    List<Node> nodes =
        given.node() instanceof SequenceNode it ? it.getValue() : List.of(given.node());
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < nodes.size(); i++) {
      read(element, given.part(nodes.size() > 1 ? "[" + i + "]" : "", nodes.get(i)), setting)
          .ifPresent(values::add);
    }
    return values.size() == nodes.size() ? Optional.of(List.copyOf(values)) : Optional.empty();
  }

  private Optional<Object> map(Given given, Type element, Setting setting) {
    if (!(given.node() instanceof MappingNode map)) {
      return wrong(given, "must be a mapping such as {a: b}");
    }
    Map<String, Object> values = new LinkedHashMap<>();
    for (NodeTuple entry : map.getValue()) {
      String name = new Given(0, "", entry.getKeyNode()).found();
      Given part = given.part("." + name, entry.getValueNode());
      Optional<Object> value = read(element, part, setting);
      if (value.isPresent() && values.put(name, value.get()) != null) {
        problems.add(part, "given twice; keep one");
      }
    }
    return values.size() == map.getValue().size()
        ? Optional.of(Collections.unmodifiableMap(values))
        : Optional.empty();
  }

  private Optional<Object> sources(Given given) {
    if (!(given.node() instanceof SequenceNode list)) {
      return wrong(given, "must be a list of data sets such as [{path: rows.jsonl}]");
    }
    List<RunConfig.Source> sources = new ArrayList<>();
    for (int i = 0; i < list.getValue().size(); i++) {
      source(given.part("[" + i + "]", list.getValue().get(i))).ifPresent(sources::add);
    }
    return sources.size() == list.getValue().size()
        ? Optional.of(List.copyOf(sources))
        : Optional.empty();
  }

  private Optional<RunConfig.Source> source(Given given) {
    if (!(given.node() instanceof MappingNode map)) {
      wrong(given, "must be a mapping with path, and split or columns where needed");
      return Optional.empty();
    }
    Map<String, Key> known = new LinkedHashMap<>();
    for (var component : RunConfig.Source.class.getRecordComponents()) {
      Key key = Key.of(Key.Group.DATA, component);
      known.put(key.name(), key);
    }
    Map<String, Object> values = new LinkedHashMap<>();
    boolean good = true;
    for (NodeTuple entry : map.getValue()) {
      String name = new Given(0, "", entry.getKeyNode()).found();
      Given part =
          new Given(
              given.isFlag() ? given.line() : Given.line(entry.getKeyNode()),
              given.label() + "." + name,
              entry.getValueNode());
      Key key = known.get(name);
      if (key == null) {
        good &= unknownSourceKey(name, part, known.keySet());
        continue;
      }
      Optional<Object> value = read(key, part);
      good &= value.isPresent();
      if (value.isPresent() && values.put(name, value.get()) != null) {
        problems.add(part, "given twice; keep one");
      }
    }
    if (!values.containsKey("path") && good) {
      problems.add(given, "has no path: a file, a glob or a folder");
      return Optional.empty();
    }
    return good ? Optional.of(source(values)) : Optional.empty();
  }

  private static RunConfig.Source source(Map<String, Object> values) {
    return Key.construct(
        RunConfig.Source.class,
        it ->
            values.getOrDefault(
                Key.snakeCase(it.getName()),
                it.getType() == List.class ? List.of() : Optional.empty()));
  }

  private boolean unknownSourceKey(String name, Given part, Set<String> known) {
    if (SOURCE_KEYS_REFUSED.containsKey(name)) {
      if (!part.isNull()) {
        problems.add(part, SOURCE_KEYS_REFUSED.get(name));
      }
      return part.isNull();
    }
    problems.add(part, "unknown key" + Nearest.hint(name, known));
    return false;
  }

  private Optional<Object> wrong(Given given, String message) {
    problems.add(given, message + " (got " + given.found() + ")");
    return Optional.empty();
  }

  private static String kind(Type type) {
    if (type == boolean.class || type == Boolean.class) {
      return "true or false";
    }
    if (type instanceof Class<?> it && it.isEnum()) {
      return either(Key.names(it));
    }
    if (type == String.class) {
      return "text";
    }
    return type == double.class || type == Double.class ? "a number" : "a whole number";
  }

  static String either(List<String> names) {
    int last = names.size() - 1;
    return last == 0
        ? names.get(0)
        : String.join(", ", names.subList(0, last)) + " or " + names.get(last);
  }

  static String number(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}
