package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.junit.jupiter.api.Test;

class DifferencesTest {
  private static ObjectNode object(String json) throws Exception {
    return (ObjectNode) new ObjectMapper().readTree(json);
  }

  @Test
  void namesEachSettingThatDiffersByItsPath() throws Exception {
    ObjectNode theirs =
        object("{\"a\": 1, \"data\": {\"x\": \"u\", \"same\": [1]}, \"gone\": null}");
    ObjectNode ours = object("{\"a\": 2, \"data\": {\"x\": \"v\", \"same\": [1]}, \"new\": true}");

    assertThat(Differences.between(theirs, ours))
        .containsExactly(
            "a: 1 → 2", "data.x: \"u\" → \"v\"", "gone: null → unset", "new: unset → true");
    assertThat(Differences.between(ours, ours)).isEmpty();
  }

  @Test
  void comparesValuesAndNotTheirText() throws Exception {
    ObjectNode theirs = object("{\"files\": [{\"bytes\": 8000, \"name\": \"a\"}], \"n\": 1}");
    ObjectNode ours = object("{\"files\": [{\"name\": \"a\", \"bytes\": 8000}]}").put("n", 1L);

    assertThat(Differences.between(theirs, ours)).isEmpty();
  }

  @Test
  void looksIntoListsOfObjects() throws Exception {
    ObjectNode theirs = object("{\"files\": [{\"name\": \"a\", \"bytes\": 1}]}");
    ObjectNode ours =
        object("{\"files\": [{\"name\": \"a\", \"bytes\": 2}, {\"name\": \"b\", \"bytes\": 3}]}");

    assertThat(Differences.between(theirs, ours))
        .containsExactly(
            "files[0].bytes: 1 → 2", "files[1].bytes: unset → 3", "files[1].name: unset → \"b\"");
  }
}
