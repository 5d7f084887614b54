package dev.fluxtune.app.config;

import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.Setting;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * One key of {@link RunConfig}, as its component and its {@link Setting} describe it.
 *
 * @param name in snake_case, as in the YAML file
 * @param type what it holds, taken out of the {@code Optional} where it may be unset
 * @param optional whether it may be left unset
 */
public record Key(String name, Group group, Type type, boolean optional, Setting setting) {

  /** The nested records of {@link RunConfig}, with the headings they have in {@code --help}. */
  public enum Group {
    MODEL("Model and tokenizer"),
    DATA("Rows"),
    CHUNKS("Chunks and batches"),
    TRAINING("Training"),
    ADAPTER("Adapters and quantized bases"),
    OUTPUT("Output");

    private final String heading;

    Group(String heading) {
      this.heading = heading;
    }

    public String heading() {
      return heading;
    }
  }

  private static final Map<String, Key> BY_NAME = byName();

  /** All keys, in the order of the records. */
  public static List<Key> all() {
    return List.copyOf(BY_NAME.values());
  }

  public static Optional<Key> named(String name) {
    return Optional.ofNullable(BY_NAME.get(name));
  }

  static Key of(Group group, RecordComponent component) {
    boolean optional = component.getType() == Optional.class;
    Type type = component.getGenericType();
    return new Key(
        snakeCase(component.getName()),
        group,
        optional ? ((ParameterizedType) type).getActualTypeArguments()[0] : type,
        optional,
        component.getAnnotation(Setting.class));
  }

  /** {@code maxLength → max_length, loadIn4bit → load_in_4bit}; {@code bf16} stays. */
  static String snakeCase(String name) {
    return name.replaceAll("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=\\d+[a-z])", "_")
        .toLowerCase(Locale.ROOT);
  }

  public boolean isBoolean() {
    return type == boolean.class || type == Boolean.class;
  }

  /** Whether it holds several values: a list or a mapping. */
  public boolean isCollection() {
    return type instanceof ParameterizedType;
  }

  public boolean isMap() {
    return type instanceof ParameterizedType it && it.getRawType() == Map.class;
  }

  /** The values it is chosen from; empty where it is free. */
  public List<String> choices() {
    return type instanceof Class<?> it && it.isEnum() ? names(it) : List.of();
  }

  static List<String> names(Class<?> choice) {
    return Stream.of(choice.getEnumConstants())
        .map(c -> ((Enum<?>) c).name().toLowerCase(Locale.ROOT))
        .toList();
  }

  /** The configuration that has these values, by the names of all keys. */
  static RunConfig build(Map<String, Object> values) {
    return construct(
        RunConfig.class,
        part -> construct(part.getType(), it -> values.get(snakeCase(it.getName()))));
  }

  /** A configuration with other values of some keys; not checked. */
  public static RunConfig changed(RunConfig config, Map<String, Object> changes) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (RecordComponent part : RunConfig.class.getRecordComponents()) {
      Object record = valueOf(part, config);
      for (RecordComponent component : part.getType().getRecordComponents()) {
        values.put(snakeCase(component.getName()), valueOf(component, record));
      }
    }
    values.putAll(changes);
    return build(values);
  }

  static Object valueOf(RecordComponent component, Object record) {
    try {
      return component.getAccessor().invoke(record);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("cannot read " + component, e);
    }
  }

  static <T> T construct(Class<T> type, Function<RecordComponent, Object> value) {
    RecordComponent[] components = type.getRecordComponents();
    try {
      return type.getDeclaredConstructor(
              Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new))
          .newInstance(Arrays.stream(components).map(value).toArray());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("cannot make a " + type.getSimpleName(), e);
    }
  }

  private static Map<String, Key> byName() {
    Map<String, Key> keys = new LinkedHashMap<>();
    for (RecordComponent part : RunConfig.class.getRecordComponents()) {
      Group group = Group.valueOf(part.getName().toUpperCase(Locale.ROOT));
      Arrays.stream(part.getType().getRecordComponents())
          .map(component -> of(group, component))
          .forEach(key -> keys.put(key.name(), key));
    }
    return keys;
  }
}
