package dev.fluxtune.schemas;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;

/** Records as JSON files that say what they are. Nothing may be missing or unknown. */
final class JsonText {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .build();

  private JsonText() {}

  /** The same text for the same record on every system. */
  static String of(String format, Object value) {
    ObjectNode json = JSON.createObjectNode();
    json.put("format", format);
    json.setAll((ObjectNode) JSON.valueToTree(value));
    DefaultIndenter indent = new DefaultIndenter("  ", "\n");
    DefaultPrettyPrinter pretty =
        new DefaultPrettyPrinter().withObjectIndenter(indent).withArrayIndenter(indent);
    try {
      return JSON.writer(pretty).writeValueAsString(json) + "\n";
    } catch (JsonProcessingException e) {
      throw new AssertionError("a tree of numbers and texts can be written", e);
    }
  }

  /** The fields of a file of a format; empty if it is another's. */
  static Optional<ObjectNode> fields(String format, String text) {
    JsonNode json;
    try {
      json = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
    if (json instanceof ObjectNode object && object.path("format").asText().equals(format)) {
      object.remove("format");
      return Optional.of(object);
    }
    return Optional.empty();
  }

  static <T> T value(ObjectNode fields, Class<T> type) throws JsonProcessingException {
    return JSON.treeToValue(fields, type);
  }
}
