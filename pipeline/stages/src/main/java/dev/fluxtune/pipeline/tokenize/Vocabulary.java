package dev.fluxtune.pipeline.tokenize;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A {@code tokenizer.json} that byte-pair encoding is all of: every field that bears on ids is
 * known and has an effect that {@link BytePairs} has too. In the two shapes there are: of bytes
 * (GPT-2, Llama 3, Qwen 2) and of characters with bytes for the others (Llama 2, Mistral).
 *
 * @param cut where words begin and end
 * @param bytes the token of each byte
 * @param characters the token of each character that has one of its own; empty in a vocabulary of
 *     bytes
 * @param merges which tokens become one
 * @param whole tokens by their bytes, one a char, of words that are not merged ({@code
 *     ignore_merges}); else empty
 * @param opening how a text begins that does not begin with a space
 * @param before tokens that the template puts before each text
 * @param after and behind it
 * @param composed whether a text has to be in normalization form C
 * @param added texts that are tokens of their own wherever they stand
 */
record Vocabulary(
    Cut cut,
    int[] bytes,
    Map<Integer, Integer> characters,
    Merges merges,
    Map<String, Integer> whole,
    Opening opening,
    int[] before,
    int[] after,
    boolean composed,
    List<String> added) {

  /** How a text begins. */
  enum Opening {
    AS_IT_IS,
    /** With a space put before it, always. */
    SPACE,
    /** With a space put before it, unless it begins with one. */
    SPACE_IF_NONE
  }

  /** What stands for a space in tokens of characters. */
  static final char SPACE = '\u2581';

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Why a file is left to the library. */
  static final class NotUnderstoodException extends Exception {
    private static final long serialVersionUID = 1L;

    NotUnderstoodException(String reason) {
      super(reason);
    }
  }

  /**
   * Reads a file.
   *
   * @throws NotUnderstoodException if it holds anything that is not known here
   */
  static Vocabulary read(Path tokenizerJson) throws IOException, NotUnderstoodException {
    Raw raw = new Raw();
    try (InputStream in = Files.newInputStream(tokenizerJson);
        JsonParser json = new JsonFactory().createParser(in)) {
      json.nextToken();
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        json.nextToken();
        if (name.equals("model")) {
          raw.model(json);
        } else {
          raw.fields.put(name, JSON.readTree(json));
        }
      }
    }
    return raw.understood();
  }

  /** The file, taken apart. */
  private static final class Raw {
    private final Map<String, JsonNode> fields = new HashMap<>();
    private final Map<String, JsonNode> model = new HashMap<>();
    private final Map<String, Integer> ids = new HashMap<>(1 << 18);
    private Merges merges = new Merges(0);

    void model(JsonParser json) throws IOException, NotUnderstoodException {
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        json.nextToken();
        if (name.equals("vocab") && json.currentToken() == JsonToken.START_OBJECT) {
          while (json.nextToken() == JsonToken.FIELD_NAME) {
            String token = json.currentName();
            ids.put(token, json.nextIntValue(-1));
          }
        } else if (name.equals("merges")) {
          merges(json);
        } else {
          model.put(name, JSON.readTree(json));
        }
      }
    }

    /** Each {@code "left right"}, or {@code ["left", "right"]}. */
    private void merges(JsonParser json) throws IOException, NotUnderstoodException {
      List<String> pairs = new ArrayList<>();
      while (json.nextToken() != JsonToken.END_ARRAY) {
        if (json.currentToken() == JsonToken.START_ARRAY) {
          pairs.add(json.nextTextValue());
          pairs.add(json.nextTextValue());
          json.nextToken();
        } else {
          String[] pair = json.getText().split(" ", -1);
          require(pair.length == 2, "a merge is no pair: " + json.getText());
          pairs.addAll(List.of(pair));
        }
      }
      require(pairs.size() / 2 <= Merges.MOST_MERGES, "it has too many merges");
      merges = new Merges(pairs.size() / 2);
      for (int i = 0; i < pairs.size(); i += 2) {
        merges.add(
            id(pairs.get(i)),
            id(pairs.get(i + 1)),
            i / 2,
            id(pairs.get(i).concat(pairs.get(i + 1))));
      }
    }

    private int id(String token) throws NotUnderstoodException {
      Integer id = ids.get(token);
      if (id == null || id < 0) {
        throw new NotUnderstoodException(
            "a token of its merges is not in the vocabulary: " + token);
      }
      return id;
    }

    Vocabulary understood() throws NotUnderstoodException {
      String type = model("type").asText();
      require("BPE".equals(type), "its model is " + type);
      require(
          ids.values().stream().allMatch(id -> id < Merges.MOST_TOKENS), "its ids are too large");
      for (String name : List.of("dropout", "continuing_subword_prefix", "end_of_word_suffix")) {
        JsonNode value = model(name);
        boolean unset = isUnset(value) || value.asText().isEmpty() || value.asDouble(1) == 0;
        require(unset, "its model has " + name + " " + value);
      }
      JsonNode normalizer = field("normalizer");
      boolean composed = "NFC".equals(normalizer.path("type").asText());
      boolean replaces = isSpaceReplacing(normalizer);
      require(isUnset(normalizer) || composed || replaces, "its normalizer is " + normalizer);
      JsonNode cutter = field("pre_tokenizer");
      boolean metaspace = "Metaspace".equals(cutter.path("type").asText());
      Template template = Template.of(field("post_processor"));
      List<String> added = added(replaces);
      if (!replaces && !metaspace) {
        return ofBytes(cut(cutter), template, composed, added);
      }
      require(metaspace != replaces && !composed, "its spaces are replaced twice");
      require(replaces ? isUnset(cutter) : isWhole(cutter), "its pre-tokenizer is " + cutter);
      return ofCharacters(
          replaces ? Opening.SPACE : opening(cutter.path("prepend_scheme").asText()),
          template,
          added);
    }

    private Vocabulary ofBytes(Cut cut, Template template, boolean composed, List<String> added)
        throws NotUnderstoodException {
      int[] bytes = new int[256];
      for (int b = 0; b < 256; b++) {
        bytes[b] = id(String.valueOf(ByteLevel.character(b)));
      }
      Map<String, Integer> whole = new HashMap<>();
      if (model("ignore_merges").asBoolean()) {
        for (Map.Entry<String, Integer> token : ids.entrySet()) {
          ByteLevel.bytes(token.getKey()).ifPresent(it -> whole.put(it, token.getValue()));
        }
      }
      return new Vocabulary(
          cut,
          bytes,
          Map.of(),
          merges,
          whole,
          Opening.AS_IT_IS,
          toInts(template.before),
          toInts(template.after),
          composed,
          added);
    }

    private Vocabulary ofCharacters(Opening opening, Template template, List<String> added)
        throws NotUnderstoodException {
      require(model("byte_fallback").asBoolean(), "it has no byte fallback");
      require(!model("ignore_merges").asBoolean(), "it ignores merges");
      int[] bytes = new int[256];
      for (int b = 0; b < 256; b++) {
        bytes[b] = id(String.format("<0x%02X>", b));
      }
      Map<Integer, Integer> characters = new HashMap<>();
      for (Map.Entry<String, Integer> token : ids.entrySet()) {
        String text = token.getKey();
        if (text.codePointCount(0, text.length()) == 1) {
          characters.put(text.codePointAt(0), token.getValue());
        }
        int space = text.lastIndexOf(SPACE);
        // Else a merge could reach from one word into the next.
        require(space < 1 || text.charAt(space - 1) == SPACE, "a token spans two words: " + text);
      }
      require(characters.containsKey((int) SPACE), "it has no token for a space");
      return new Vocabulary(
          Cut.SPACES,
          bytes,
          characters,
          merges,
          Map.of(),
          opening,
          toInts(template.before),
          toInts(template.after),
          false,
          added);
    }

    /** Added tokens; each must stand for itself, wherever it is. */
    private List<String> added(boolean normalizes) throws NotUnderstoodException {
      List<String> added = new ArrayList<>();
      for (JsonNode token : field("added_tokens")) {
        String text = token.path("content").asText();
        for (String flag : List.of("single_word", "lstrip", "rstrip")) {
          require(!token.path(flag).asBoolean(), "the added token " + text + " has " + flag);
        }
        require(
            !normalizes || !token.path("normalized").asBoolean(),
            "the added token " + text + " is normalized");
        require(!text.isEmpty(), "an added token is empty");
        added.add(text);
      }
      return added;
    }

    private JsonNode field(String name) {
      return fields.getOrDefault(name, MissingNode.getInstance());
    }

    private JsonNode model(String name) {
      return model.getOrDefault(name, MissingNode.getInstance());
    }
  }

  /** Prepend a space's sign, then replace each space by it: Llama 2 as it was first converted. */
  private static boolean isSpaceReplacing(JsonNode normalizer) {
    JsonNode steps = normalizer.path("normalizers");
    String space = String.valueOf(SPACE);
    return "Sequence".equals(normalizer.path("type").asText())
        && steps.size() == 2
        && "Prepend".equals(steps.path(0).path("type").asText())
        && space.equals(steps.path(0).path("prepend").asText())
        && "Replace".equals(steps.path(1).path("type").asText())
        && " ".equals(steps.path(1).path("pattern").path("String").asText())
        && space.equals(steps.path(1).path("content").asText());
  }

  /** Whether a Metaspace replaces spaces and cuts nothing. */
  private static boolean isWhole(JsonNode metaspace) {
    return String.valueOf(SPACE).equals(metaspace.path("replacement").asText())
        && !metaspace.path("split").asBoolean(true);
  }

  private static Opening opening(String scheme) throws NotUnderstoodException {
    return switch (scheme) {
      // They differ behind an added token only, and such texts are the library's.
      case "always", "first" -> Opening.SPACE_IF_NONE;
      case "never" -> Opening.AS_IT_IS;
      default -> throw new NotUnderstoodException("its prepend_scheme is " + scheme);
    };
  }

  /** The pattern of {@code Sequence[Split, ByteLevel]}, or of a ByteLevel of its own. */
  private static Cut cut(JsonNode cutter) throws NotUnderstoodException {
    boolean sequence = "Sequence".equals(cutter.path("type").asText());
    JsonNode steps = cutter.path("pretokenizers");
    JsonNode last = sequence ? steps.path(steps.size() - 1) : cutter;
    require("ByteLevel".equals(last.path("type").asText()), "its pre-tokenizer is " + cutter);
    require(!last.path("add_prefix_space").asBoolean(true), "it adds a space before each text");
    boolean ownPattern = last.path("use_regex").asBoolean(true);
    if (steps.size() < 2 && ownPattern) {
      return Cut.GPT2;
    }
    JsonNode split = steps.path(0);
    require(
        steps.size() == 2
            && !ownPattern
            && "Split".equals(split.path("type").asText())
            && "Isolated".equals(split.path("behavior").asText())
            && !split.path("invert").asBoolean(),
        "its pre-tokenizer is " + cutter);
    String pattern = split.path("pattern").path("Regex").asText();
    return Cut.of(pattern)
        .orElseThrow(() -> new NotUnderstoodException("its pattern is " + pattern));
  }

  /** What a post-processor adds. */
  private record Template(List<Integer> before, List<Integer> after) {
    private static final Template NONE = new Template(List.of(), List.of());

    static Template of(JsonNode processor) throws NotUnderstoodException {
      return isUnset(processor) ? NONE : ofType(processor.path("type").asText(), processor);
    }

    private static Template ofType(String type, JsonNode processor) throws NotUnderstoodException {
      return switch (type) {
        case "ByteLevel" -> {
          require(!processor.path("trim_offsets").asBoolean(true), "it trims places");
          yield NONE;
        }
        case "TemplateProcessing" -> ofPieces(processor);
        case "Sequence" -> {
          Template all = NONE;
          for (JsonNode step : processor.path("processors")) {
            Template one = of(step);
            require(all.equals(NONE) || one.equals(NONE), "it has two templates");
            all = one.equals(NONE) ? all : one;
          }
          yield all;
        }
        default -> throw new NotUnderstoodException("its post-processor is " + type);
      };
    }

    private static Template ofPieces(JsonNode processor) throws NotUnderstoodException {
      List<Integer> before = new ArrayList<>();
      List<Integer> after = new ArrayList<>();
      boolean inText = false; // or behind it
      for (JsonNode piece : processor.path("single")) {
        if (piece.has("Sequence")) {
          require(!inText, "its template holds the text twice");
          inText = true;
          continue;
        }
        String name = piece.path("SpecialToken").path("id").asText();
        JsonNode ids = processor.path("special_tokens").path(name).path("ids");
        require(ids.size() > 0, "its template names no token: " + piece);
        for (JsonNode id : ids) {
          (inText ? after : before).add(id.asInt());
        }
      }
      require(inText, "its template holds no text");
      return new Template(before, after);
    }
  }

  private static int[] toInts(List<Integer> list) {
    return list.stream().mapToInt(Integer::intValue).toArray();
  }

  private static boolean isUnset(JsonNode node) {
    return node.isMissingNode() || node.isNull();
  }

  private static void require(boolean known, String reason) throws NotUnderstoodException {
    if (!known) {
      throw new NotUnderstoodException(reason);
    }
  }
}
