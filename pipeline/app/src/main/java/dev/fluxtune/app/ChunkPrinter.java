package dev.fluxtune.app;

import dev.fluxtune.app.page.ShownChunk;
import dev.fluxtune.app.terminal.Visible;
import dev.fluxtune.schemas.Chunk;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Prints a chunk as a person can read it: each document apart, what is trained told from the rest.
 */
final class ChunkPrinter {
  private static final String DIM = "\u001b[2m";
  private static final String BRIGHT = "\u001b[1;32m";
  private static final String RULE = "\u001b[36m";
  private static final String SPECIAL = "\u001b[7m";
  private static final String NOT_SPECIAL = "\u001b[27m";
  private static final String RESET = "\u001b[0m";

  /** The shapes that special tokens have in practice. */
  private static final Pattern SPECIAL_TOKEN =
      Pattern.compile("<\\|[^|<>]{1,40}\\|>|</?(?:s|unk|pad|bos|eos)>");

  private final Optional<Function<int[], String>> decode;
  private final boolean colors;

  /**
   * @param decode ids to text; without it the ids are printed
   * @param colors whether trained text is bright and the rest dim; else trained text stands between
   *     ⟦ and ⟧
   */
  ChunkPrinter(Optional<Function<int[], String>> decode, boolean colors) {
    this.decode = decode;
    this.colors = colors;
  }

  /**
   * The text of a chunk.
   *
   * @param number the chunk's place in the data set, from 0
   */
  String print(long number, Chunk chunk) {
    ShownChunk shown = ShownChunk.of(chunk, decode);
    int documents = shown.documents().size();
    StringBuilder out = new StringBuilder();
    out.append(
        rule(
            "chunk %d: %d tokens, %d trained, %d document%s"
                .formatted(
                    number,
                    shown.tokens(),
                    shown.trained(),
                    documents,
                    documents == 1 ? "" : "s")));
    int at = 0;
    for (int k = 0; k < documents; k++) {
      ShownChunk.Document document = shown.documents().get(k);
      int n = document.tokens();
      out.append(
          rule(
              "document %d, tokens %d to %d, positions 0 to %d"
                  .formatted(k, at, at + n - 1, n - 1)));
      document.runs().forEach(it -> out.append(run(Visible.of(it.text()), it.trained())));
      out.append('\n');
      at += n;
    }
    if (shown.padding() > 0) {
      out.append(rule("padding, tokens %d to %d".formatted(at, shown.tokens() - 1)));
    }
    return out.toString();
  }

  private String rule(String title) {
    String line = "── " + title + " " + "─".repeat(Math.max(0, 76 - title.length()));
    return (colors ? RULE + line + RESET : line) + "\n";
  }

  /** Trained text and the rest, each in its colour. */
  private String run(String text, boolean trained) {
    if (!colors) {
      return trained ? "⟦" + text + "⟧" : text;
    }
    Matcher special = SPECIAL_TOKEN.matcher(text);
    return (trained ? BRIGHT : DIM) + special.replaceAll(SPECIAL + "$0" + NOT_SPECIAL) + RESET;
  }
}
