package dev.fluxtune.app.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.yaml.snakeyaml.Yaml;

/** The fixture is what tests/parity/make_keys.py found in TRL, transformers and PEFT. */
class PeerKeysTest {
  private static Map<String, Object> peer;
  @TempDir Path folder;

  @BeforeAll
  static void load() throws IOException {
    try (InputStream in = PeerKeysTest.class.getResourceAsStream("/parity/keys.json")) {
      peer = new Yaml().load(in);
    }
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> keys(String of) {
    return (Map<String, Object>) peer.get(of);
  }

  private Parsed parse(Object yaml) throws IOException {
    Path file = folder.resolve("run.yaml");
    Files.writeString(file, new Yaml().dump(yaml));
    return ConfigParser.parse(Optional.of(file), List.of(), List.of(), Optional.empty());
  }

  @Test
  void coverEveryKeyOfThePeer() {
    assertThat(keys("keys")).hasSizeGreaterThan(150);
    assertThat(keys("keys").keySet())
        .allMatch(key -> Key.named(key).isPresent() || PeerKeys.named(key).isPresent());
  }

  @Test
  void areNoneOfOurs() {
    assertThat(PeerKeys.names()).noneMatch(key -> Key.named(key).isPresent());
  }

  @Test
  void leadToAKeyThatIsThere() {
    assertThat(PeerKeys.names())
        .map(key -> PeerKeys.named(key).orElseThrow())
        .filteredOn(it -> it.kind() == PeerKeys.Kind.RENAMED)
        .hasSizeGreaterThan(5)
        .allMatch(
            it -> Key.named(it.advice()).isPresent() || PeerKeys.named(it.advice()).isPresent());
  }

  @Test
  void areAcceptedInSilenceWithAllDefaultsOfThePeer() throws IOException {
    Parsed parsed = parse(keys("keys"));
    assertThat(parsed.notices()).isEmpty();
    assertThat(parsed.config().chunks().packing()).isFalse();
    assertThat(parsed.config().training().learningRate()).isEqualTo(2e-5);
  }

  @Test
  void coverWhatIsHandedOnToAccelerateLaunch() throws IOException {
    Map<String, Object> one =
        Map.of("num_processes", 1, "accelerate_config", "single_gpu", "mixed_precision", "no");
    assertThat(parse(one).notices()).noneMatch(it -> it.contains("num_processes"));
    assertThatThrownBy(() -> parse(Map.of("num_processes", 4, "accelerate_config", "zero3")))
        .hasMessageContaining("num_processes")
        .hasMessageContaining("not supported (got 4); leave it out: one device trains; a larger")
        .hasMessageContaining("not supported (got zero3); leave it out: one device trains");
  }

  @Test
  void coverTheKeysOfADataSet() throws IOException {
    Map<String, Object> source = new java.util.LinkedHashMap<>(keys("datasets"));
    source.put("path", "rows.jsonl");
    Parsed parsed = parse(Map.of("datasets", List.of(source)));
    assertThat(parsed.config().data().datasets())
        .singleElement()
        .satisfies(it -> assertThat(it.split()).contains("train"));
  }
}
