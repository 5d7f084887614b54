package dev.fluxtune.pipeline.shard;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.Position;
import java.io.IOException;

/**
 * What a part says of itself in its footer: enough to go on after it, and to tell whose it is.
 *
 * @param version the {@link dev.fluxtune.schemas.ShardFormat#VERSION} it was written in
 * @param fingerprint of the settings
 * @param index its place among the parts, from 0
 * @param chunks rows in it
 * @param tokens tokens in them, padding not counted
 * @param trained training targets in them
 * @param padding how many tokens at the end of its last chunk are padding
 * @param next where the chunk after its last begins
 * @param settings all that determines the bytes
 */
record PartNote(
    int version,
    String fingerprint,
    int index,
    long chunks,
    long tokens,
    long trained,
    int padding,
    Position next,
    ObjectNode settings) {

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          // A later version may say more; its number is looked at before anything else.
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  String toJson() {
    return JSON.valueToTree(this).toString();
  }

  static PartNote fromJson(String json) throws IOException {
    try {
      return JSON.readValue(json, PartNote.class);
    } catch (JsonProcessingException e) {
      throw new IOException("its note is damaged (" + e.getOriginalMessage() + ")", e);
    }
  }
}
