package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.junit.jupiter.api.Test;

class ManifestTest {
  private static final Ledger LEDGER = new Ledger(2, 10, 4, 5, 0, 0, 0, 1, 0);

  private static ObjectNode settings() {
    ObjectNode settings = JsonNodeFactory.instance.objectNode().put("max_length", 5);
    settings.putArray("rows").addObject().put("file", "a.json").put("bytes", 7);
    return settings;
  }

  private static Manifest manifest() {
    return new Manifest(
        ShardFormat.VERSION,
        Manifest.fingerprint(settings()),
        settings(),
        List.of(
            new Manifest.Part("part-00000.parquet", "ab", 100, 1, 5, 2),
            new Manifest.Part("part-00001.parquet", "cd", 90, 1, 4, 2)),
        2,
        9,
        4,
        1,
        LEDGER);
  }

  @Test
  void comesBackFromItsText() {
    assertThat(Manifest.fromJson(manifest().toJson(), "m")).contains(manifest());
    assertThat(manifest().toJson())
        .startsWith("{\n  \"format\" : \"fluxtune-shards\",\n  \"version\" : 1,\n")
        .endsWith("}\n");
  }

  @Test
  void theOrderOfSettingsDoesNotMatter() {
    ObjectNode other = JsonNodeFactory.instance.objectNode();
    other.putArray("rows").addObject().put("bytes", 7).put("file", "a.json");
    other.put("max_length", 5);
    assertThat(Manifest.fingerprint(other)).isEqualTo(Manifest.fingerprint(settings()));
    assertThat(Manifest.fingerprint(other.put("max_length", 6)))
        .isNotEqualTo(Manifest.fingerprint(settings()));
  }

  @Test
  void isNoManifestWhereItDoesNotSaySo() {
    assertThat(Manifest.fromJson("{\"version\": 1}", "m")).isEmpty();
    assertThat(Manifest.fromJson("[]", "m")).isEmpty();
    assertThat(Manifest.fromJson("{", "m")).isEmpty();
  }

  @Test
  void saysWhereItDoesNotHoldTogether() {
    for (String[] change :
        new String[][] {
          {"\"chunks\" : 2", "\"chunks\" : 3", "chunks do not add up"},
          {"\"tokens\" : 9", "\"tokens\" : 8", "tokens do not add up"},
          {"\"trained\" : 4,\n  \"padding\"", "\"trained\" : 5,\n  \"padding\"", "trained do not"},
          {"\"masked\" : 5", "\"masked\" : 6", "tokens do not match the ledger"},
          {
            "\"trained\" : 4,\n    \"masked\" : 5",
            "\"trained\" : 5,\n    \"masked\" : 4",
            "trained do not match the ledger"
          },
          {"part-00001", "part-00002", "part 1 must be part-00001.parquet"},
          {"\"max_length\" : 5", "\"max_length\" : 6", "the fingerprint is not that of settings"},
          {"\"padding\" : 1,", "", "padding"},
          {"\"bytes\" : 100", "\"bytes\" : 0", "0 bytes, 1 chunks"},
        }) {
      String text = manifest().toJson();
      assertThat(text).contains(change[0]);
      assertThatThrownBy(() -> Manifest.fromJson(text.replace(change[0], change[1]), "m"))
          .isInstanceOf(BadInputException.class)
          .hasMessageStartingWith("m: the manifest is damaged (")
          .hasMessageContaining(change[2]);
    }
  }

  @Test
  void refusesAnotherVersion() {
    assertThatThrownBy(
            () ->
                Manifest.fromJson(
                    manifest().toJson().replace("\"version\" : 1", "\"version\" : 2"), "m"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("format version 2 and this program reads 1");
  }
}
