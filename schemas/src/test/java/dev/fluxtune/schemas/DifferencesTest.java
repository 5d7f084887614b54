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
}
