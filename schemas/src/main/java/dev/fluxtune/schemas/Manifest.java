package dev.fluxtune.schemas;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * What a folder of packed shards holds and what its bytes were made from. It holds no time and no
 * absolute path of its own: the same input gives the same bytes.
 *
 * @param version the {@link ShardFormat#VERSION} of the parts
 * @param fingerprint SHA-256 of the settings, see {@link #fingerprint(ObjectNode)}
 * @param settings all that determines the bytes, keys in canonical order
 * @param parts the files, in the order of their chunks
 * @param chunks chunks in all parts
 * @param tokens tokens in them, padding not counted
 * @param trained training targets in them
 * @param padding how many tokens at the end of the last chunk are padding
 * @param ledger where every token that was read has gone
 */
public record Manifest(
    int version,
    String fingerprint,
    ObjectNode settings,
    List<Part> parts,
    long chunks,
    long tokens,
    long trained,
    int padding,
    Ledger ledger) {

  /**
   * One file.
   *
   * @param file its name in the folder
   * @param sha256 of its bytes, in hexadecimal
   * @param bytes its size
   * @param chunks rows in it
   * @param tokens tokens in them, padding not counted
   * @param trained training targets in them
   */
  public record Part(
      String file, String sha256, long bytes, long chunks, long tokens, long trained) {
    public Part {
      if (bytes < 1 || chunks < 1 || tokens < 1 || trained < 0 || trained > tokens) {
        throw new IllegalArgumentException(
            "%s: %d bytes, %d chunks, %d tokens, %d trained make no part"
                .formatted(file, bytes, chunks, tokens, trained));
      }
    }
  }

  public Manifest {
    settings = canonical(settings);
    parts = List.copyOf(parts);
    require(fingerprint.equals(fingerprint(settings)), "the fingerprint is not that of settings");
    for (int i = 0; i < parts.size(); i++) {
      String right = ShardFormat.part(i);
      require(parts.get(i).file().equals(right), "part " + i + " must be " + right);
    }
    require(chunks == parts.stream().mapToLong(Part::chunks).sum(), "chunks do not add up");
    require(tokens == parts.stream().mapToLong(Part::tokens).sum(), "tokens do not add up");
    require(trained == parts.stream().mapToLong(Part::trained).sum(), "trained do not add up");
    require(tokens == ledger.packed(), "tokens do not match the ledger");
    require(trained == ledger.trained(), "trained do not match the ledger");
    require(padding >= 0, "padding must not be negative");
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  /** SHA-256 of the settings in canonical form, in hexadecimal. */
  public static String fingerprint(ObjectNode settings) {
    return Sha256.of(canonical(settings).toString().getBytes(StandardCharsets.UTF_8));
  }

  private static ObjectNode canonical(ObjectNode object) {
    ObjectNode sorted = JsonNodeFactory.instance.objectNode();
    TreeSet<String> names = new TreeSet<>();
    object.fieldNames().forEachRemaining(names::add);
    for (String name : names) {
      sorted.set(name, canonical(object.path(name)));
    }
    return sorted;
  }

  private static JsonNode canonical(JsonNode node) {
    if (node instanceof ObjectNode object) {
      return canonical(object);
    }
    if (node instanceof ArrayNode array) {
      ArrayNode copy = JsonNodeFactory.instance.arrayNode(array.size());
      array.forEach(item -> copy.add(canonical(item)));
      return copy;
    }
    return node;
  }

  /** The text of the file. */
  public String toJson() {
    return JsonText.of(ShardFormat.NAME, this);
  }

  /**
   * Reads the text of the file; empty if it is no manifest of packed shards.
   *
   * @param where names the file in messages
   * @throws BadInputException if it is one but does not hold together
   */
  public static Optional<Manifest> fromJson(String text, String where) {
    Optional<ObjectNode> found = JsonText.fields(ShardFormat.NAME, text);
    if (found.isEmpty()) {
      return Optional.empty();
    }
    ObjectNode object = found.get();
    int version = object.path("version").asInt();
    if (version != ShardFormat.VERSION) {
      throw new BadInputException(
          "%s: these shards are of format version %d and this program reads %d: pack again into another folder"
              .formatted(where, version, ShardFormat.VERSION));
    }
    try {
      return Optional.of(JsonText.value(object, Manifest.class));
    } catch (JsonProcessingException e) {
      throw new BadInputException(
          "%s: the manifest is damaged (%s): remove the folder and pack again"
              .formatted(where, Reason.of(e)),
          e);
    }
  }
}
