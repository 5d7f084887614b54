package dev.fluxtune.pipeline.tokenize;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** The special tokens of a {@code tokenizer.json}, and the one of them that ends a document. */
public final class SpecialTokens {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final BitSet special = new BitSet();

  private SpecialTokens() {}

  /** Reads the list of added tokens; the vocabulary, megabytes of it, is skipped. */
  static SpecialTokens read(Path tokenizerJson) throws IOException {
    SpecialTokens tokens = new SpecialTokens();
    try (InputStream in = Files.newInputStream(tokenizerJson);
        JsonParser json = new JsonFactory().createParser(in)) {
      json.nextToken();
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        json.nextToken();
        if (name.equals("added_tokens")) {
          for (JsonNode token : JSON.<JsonNode>readTree(json)) {
            tokens.special.set(token.path("id").asInt(), token.path("special").asBoolean());
          }
          break;
        }
        json.skipChildren();
      }
    }
    return tokens;
  }

  boolean isSpecial(int id) {
    return special.get(id);
  }

  /** The text of the end-of-document token that a {@code tokenizer_config.json} names. */
  static Optional<String> eosToken(Path folder) {
    JsonNode token = read(folder, "tokenizer_config.json").path("eos_token");
    JsonNode text = token.isObject() ? token.path("content") : token; // an AddedToken, or its text
    return text.isTextual() ? Optional.of(text.textValue()) : Optional.empty();
  }

  /**
   * The first {@code eos_token_id} of {@code generation_config.json}, else of {@code config.json}.
   *
   * @throws BadInputException if one of them cannot be read
   */
  public static OptionalInt eosTokenId(List<Path> folders) {
    for (String file : List.of("generation_config.json", "config.json")) {
      for (Path folder : folders) {
        JsonNode id = read(folder, file).path("eos_token_id");
        JsonNode first = id.isArray() ? id.path(0) : id;
        if (first.isInt()) {
          return OptionalInt.of(first.intValue());
        }
      }
    }
    return OptionalInt.empty();
  }

  private static JsonNode read(Path folder, String name) {
    Path file = folder.resolve(name);
    if (!Files.isRegularFile(file)) {
      return JSON.missingNode();
    }
    try {
      return JSON.readTree(Files.readAllBytes(file));
    } catch (com.fasterxml.jackson.core.JacksonException e) {
      throw new BadInputException(file + ": is no JSON (" + e.getOriginalMessage() + ")", e);
    } catch (IOException e) {
      throw new BadInputException(file + ": cannot be read (" + Reason.of(e) + ")", e);
    }
  }
}
