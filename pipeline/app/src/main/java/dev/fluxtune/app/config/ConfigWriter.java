package dev.fluxtune.app.config;

import dev.fluxtune.schemas.RunConfig;
import java.lang.reflect.RecordComponent;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.Yaml;

/** Writes a configuration as the YAML that {@link ConfigParser} reads it back from, every key. */
public final class ConfigWriter {
  private ConfigWriter() {}

  /** The file's text, under the headings of {@code --help}. */
  public static String yaml(RunConfig config) {
    DumperOptions options = new DumperOptions();
    options.setDefaultFlowStyle(DumperOptions.FlowStyle.FLOW);
    options.setSplitLines(false);
    options.setDereferenceAliases(true);
    Yaml yaml = new Yaml(options);
    Map<String, Object> values = values(config);
    StringBuilder text = new StringBuilder();
    for (Key.Group group : Key.Group.values()) {
      text.append(text.isEmpty() ? "" : "\n").append("# ").append(group.heading()).append('\n');
      Key.all().stream()
          .filter(key -> key.group() == group)
          .map(key -> key.name() + ": " + yaml.dump(values.get(key.name())))
          .forEach(text::append);
    }
    return text.toString();
  }

  /** What each key holds, as it is written in YAML: numbers, texts, lists, mappings, null. */
  public static Map<String, Object> values(RunConfig config) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (RecordComponent part : RunConfig.class.getRecordComponents()) {
      values.putAll(components((Record) Key.valueOf(part, config)));
    }
    return values;
  }

  private static Map<String, Object> components(Record it) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (RecordComponent component : it.getClass().getRecordComponents()) {
      values.put(
          Key.snakeCase(component.getName()), asWritten(Key.valueOf(component, it)).orElse(null));
    }
    return values;
  }

  private static Optional<Object> asWritten(Object value) {
    if (value instanceof Optional<?> it) {
      return it.flatMap(ConfigWriter::asWritten);
    }
    if (value instanceof Enum<?> it) {
      return Optional.of(it.name().toLowerCase(Locale.ROOT));
    }
    if (value instanceof Record it) {
      return Optional.of(components(it));
    }
    if (value instanceof List<?> it) {
      return Optional.of(it.stream().map(part -> asWritten(part).orElseThrow()).toList());
    }
    if (value instanceof Double it && it == Math.rint(it) && Math.abs(it) < 1e15) {
      return Optional.of(it.longValue());
    }
    return Optional.of(value);
  }
}
