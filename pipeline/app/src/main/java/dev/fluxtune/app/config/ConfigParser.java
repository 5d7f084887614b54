package dev.fluxtune.app.config;

import dev.fluxtune.schemas.Nearest;
import dev.fluxtune.schemas.RunConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Reads a configuration: the YAML file, over it the flags, checked key by key and then together.
 * Touches no other file; all problems are told at once.
 */
public final class ConfigParser {
  /** The folder of the embedded rows, below that which holds {@code datasets}. */
  public static final Path EMBEDDED = Path.of("datasets", "tiny-tasks");

  /** Left empty by mistake they would mean the defaults: the embedded rows, a new folder. */
  private static final Set<String> NAMES =
      Set.of("dataset_name", "model_name_or_path", "tokenizer_name_or_path", "output_dir");

  private final Problems problems = new Problems();
  private final Map<String, Given> given = new LinkedHashMap<>();
  private final Set<String> withoutEffect = new LinkedHashSet<>();
  private final List<String> notices = new ArrayList<>();

  private final List<String> otherFlags;

  private ConfigParser(List<String> otherFlags) {
    this.otherFlags = otherFlags;
  }

  /**
   * Reads it.
   *
   * @param file the YAML file ({@code --config})
   * @param flags in the order of the command line; of two with one name the last counts
   * @param otherFlags the command's own flags, which an unknown one may have meant
   * @param home the folder that holds {@code datasets}, where the launcher said it
   * @throws ConfigException with all problems
   */
  public static Parsed parse(
      Optional<Path> file, List<Flag> flags, List<String> otherFlags, Optional<Path> home) {
    return parse(file, flags, otherFlags, home, true);
  }

  /**
   * Reads it, as above.
   *
   * @param packs whether rows are packed, so that the defaults of packing should be told
   */
  public static Parsed parse(
      Optional<Path> file,
      List<Flag> flags,
      List<String> otherFlags,
      Optional<Path> home,
      boolean packs) {
    ConfigParser parser = new ConfigParser(otherFlags);
    file.or(() -> Defaults.recipe(flags, home, parser.notices))
        .ifPresent(
            it ->
                YamlNodes.entries(it, parser.problems).stream()
                    .filter(entry -> !isPeerKeyOf(flags, entry.label()))
                    .forEach(entry -> parser.accept(entry.label(), entry)));
    for (int i = 0; i < flags.size(); i++) {
      if (!isPeerKeyOf(flags.subList(i + 1, flags.size()), flags.get(i).name())) {
        parser.accept(flags.get(i), -1 - i);
      }
    }
    new Defaults(parser.given, parser.notices).fillIn(home, packs);
    RunConfig config = parser.read();
    if (!parser.problems.isEmpty()) {
      throw parser.problems.exception(file.map(Path::toString));
    }
    if (!parser.withoutEffect.isEmpty()) {
      parser.notices.add("without effect here: " + String.join(", ", parser.withoutEffect));
    }
    return new Parsed(config, parser.notices);
  }

  /**
   * Of a key of ours the last value replaces those before; one of the peer's may leave no value.
   */
  private static boolean isPeerKeyOf(List<Flag> flags, String name) {
    return PeerKeys.named(name).isPresent()
        && flags.stream().anyMatch(flag -> flag.name().equals(name));
  }

  private void accept(Flag flag, int line) {
    String label = "--" + flag.name();
    if (flag.name().isEmpty()) {
      problems.add(line, flag.values().get(0), "belongs to no flag; write --key value");
      return;
    }
    Optional<Key> negated =
        flag.name().startsWith("no_") ? Key.named(flag.name().substring(3)) : Optional.empty();
    if (negated.filter(Key::isBoolean).isPresent()) {
      accept(negated.get().name(), new Given(line, label, YamlNodes.scalar("false")));
      return;
    }
    boolean bare = flag.values().isEmpty();
    if (bare && Key.named(flag.name()).filter(key -> !key.isBoolean()).isPresent()) {
      problems.add(line, label, "needs a value");
      return;
    }
    accept(flag.name(), new Given(line, label, YamlNodes.of(flag.values(), "true")));
  }

  private void accept(String name, Given value) {
    if (NAMES.contains(name) && value.isEmptyText()) {
      problems.add(value, "is empty (an unset variable?); give a path, or leave it out");
      return;
    }
    if (Key.named(name).isPresent()) {
      put(name, value);
      return;
    }
    PeerKeys.named(name)
        .ifPresentOrElse(
            peer -> accept(name, value, peer),
            () ->
                problems.add(
                    value,
                    (value.isFlag() ? "unknown flag" : "unknown key")
                        + Nearest.to(name, knownNames(value.isFlag()))
                            .map(it -> value.isFlag() ? "--" + it : it)
                            .map(it -> "; did you mean " + it + "?")
                            .orElse("")));
  }

  private void accept(String name, Given value, PeerKeys.Peer peer) {
    if (value.isOneOf(peer.unset())) {
      return;
    }
    switch (peer.kind()) {
      case RENAMED -> {
        notices.add(name + " is read as " + peer.advice() + ", its name now");
        accept(peer.advice(), value);
      }
      case ACCEPTED -> withoutEffect.add(name);
      case REFUSED ->
          problems.add(value, "not supported (got " + value.found() + "); " + peer.advice());
    }
  }

  private void put(String name, Given value) {
    Given before = given.put(name, value);
    if (before != null && !value.isFlag()) {
      problems.add(value, "the same key as " + before.label() + " in line " + before.line());
    }
  }

  private List<String> knownNames(boolean flag) {
    return Stream.of(
            Key.all().stream().map(Key::name),
            PeerKeys.names().stream(),
            flag ? otherFlags.stream() : Stream.<String>empty())
        .flatMap(names -> names)
        .toList();
  }

  private RunConfig read() {
    Values values = new Values(problems);
    Map<String, Object> read = new LinkedHashMap<>();
    Set<String> wrong = new HashSet<>();
    for (Key key : Key.all()) {
      Optional<Object> value =
          Optional.ofNullable(given.get(key.name())).flatMap(it -> values.read(key, it));
      if (value.isEmpty() && given.containsKey(key.name())) {
        wrong.add(key.name());
      }
      read.put(key.name(), value.orElseGet(() -> defaultOf(key)));
    }
    RunConfig config = Key.build(read);
    new Checks(config, given, wrong, problems).run();
    return config;
  }

  /** The value of a key that is left out. */
  static Object defaultOf(Key key) {
    Problems none = new Problems();
    Given written = new Given(0, key.name(), YamlNodes.scalar(key.setting().def()));
    return new Values(none)
        .read(key, written)
        .orElseThrow(() -> new IllegalStateException("the default of " + key.name() + " is wrong"));
  }
}
