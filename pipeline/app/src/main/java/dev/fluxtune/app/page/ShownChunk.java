package dev.fluxtune.app.page;

import dev.fluxtune.schemas.Chunk;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * A chunk as a person can read it.
 *
 * @param tokens in it, padding included
 * @param trained targets among them
 * @param documents in their order
 * @param padding tokens at its end that are padding
 */
public record ShownChunk(int tokens, int trained, List<Document> documents, int padding) {

  /** A document, or the piece of one that lies in the chunk. */
  public record Document(int tokens, int trained, List<Run> runs) {}

  /** Tokens side by side that are all trained, or all not. */
  public record Run(String text, boolean trained) {}

  /**
   * Takes a chunk apart.
   *
   * @param decode ids to text; without it the ids are shown
   */
  public static ShownChunk of(Chunk chunk, Optional<Function<int[], String>> decode) {
    int documents = chunk.seqLengths().length - (chunk.padding() > 0 ? 1 : 0);
    List<Document> shown = new ArrayList<>();
    int at = 0;
    for (int k = 0; k < documents; k++) {
      shown.add(document(chunk, at, at + chunk.seqLengths()[k], decode));
      at += chunk.seqLengths()[k];
    }
    return new ShownChunk(
        chunk.length(), chunk.trainedTokens(), List.copyOf(shown), chunk.padding());
  }

  private static Document document(
      Chunk chunk, int from, int to, Optional<Function<int[], String>> decode) {
    List<Run> runs = new ArrayList<>();
    int trainedTokens = 0;
    String before = "";
    for (int at = from; at < to; ) {
      boolean trained = chunk.labels()[at] != Chunk.IGNORED;
      int end = at + 1;
      while (end < to && chunk.labels()[end] != Chunk.IGNORED == trained) {
        end++;
      }
      // What a token adds to the text depends on those before it (spaces, halves of characters).
      String until = text(Arrays.copyOfRange(chunk.inputIds(), from, end), decode);
      runs.add(new Run(until.substring(common(before, until)), trained));
      trainedTokens += trained ? end - at : 0;
      before = until;
      at = end;
    }
    return new Document(to - from, trainedTokens, List.copyOf(runs));
  }

  private static String text(int[] ids, Optional<Function<int[], String>> decode) {
    if (decode.isPresent()) {
      return decode.get().apply(ids);
    }
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(id).append(' ');
    }
    return text.toString();
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
}
