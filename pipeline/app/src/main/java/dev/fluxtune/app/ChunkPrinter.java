package dev.fluxtune.app;

import dev.fluxtune.app.terminal.Visible;
import dev.fluxtune.schemas.Chunk;
import java.util.Arrays;
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
    int padded = chunk.padding() > 0 ? 1 : 0;
    int documents = chunk.seqLengths().length - padded;
    StringBuilder out = new StringBuilder();
    out.append(
        rule(
            "chunk %d: %d tokens, %d trained, %d document%s"
                .formatted(
                    number,
                    chunk.length(),
                    chunk.trainedTokens(),
                    documents,
                    documents == 1 ? "" : "s")));
    int at = 0;
    for (int k = 0; k < documents; k++) {
      int n = chunk.seqLengths()[k];
      out.append(
          rule(
              "document %d, tokens %d to %d, positions 0 to %d"
                  .formatted(k, at, at + n - 1, n - 1)));
      document(chunk, at, at + n, out);
      out.append('\n');
      at += n;
    }
    if (padded > 0) {
      out.append(rule("padding, tokens %d to %d".formatted(at, chunk.length() - 1)));
    }
    return out.toString();
  }

  private String rule(String title) {
    String line = "── " + title + " " + "─".repeat(Math.max(0, 76 - title.length()));
    return (colors ? RULE + line + RESET : line) + "\n";
  }

  /** Runs of trained and of other tokens, each in its colour. */
  private void document(Chunk chunk, int from, int to, StringBuilder out) {
    String before = "";
    for (int at = from; at < to; ) {
      boolean trained = chunk.labels()[at] != Chunk.IGNORED;
      int end = at + 1;
      while (end < to && chunk.labels()[end] != Chunk.IGNORED == trained) {
        end++;
      }
      // What a token adds to the text depends on those before it (spaces, halves of characters).
      String until = text(Arrays.copyOfRange(chunk.inputIds(), from, end));
      int common = common(before, until);
      out.append(run(Visible.of(until.substring(common)), trained));
      before = until;
      at = end;
    }
  }

  private String text(int[] ids) {
    return decode
        .map(it -> it.apply(ids))
        .orElseGet(
            () -> {
              StringBuilder text = new StringBuilder();
              for (int id : ids) {
                text.append(id).append(' ');
              }
              return text.toString();
            });
  }

  private static int common(String a, String b) {
    int n = Math.min(a.length(), b.length());
    for (int i = 0; i < n; i++) {
      if (a.charAt(i) != b.charAt(i)) {
        return i;
      }
    }
    return n;
  }

  private String run(String text, boolean trained) {
    if (!colors) {
      return trained ? "⟦" + text + "⟧" : text;
    }
    Matcher special = SPECIAL_TOKEN.matcher(text);
    return (trained ? BRIGHT : DIM) + special.replaceAll(SPECIAL + "$0" + NOT_SPECIAL) + RESET;
  }
}
