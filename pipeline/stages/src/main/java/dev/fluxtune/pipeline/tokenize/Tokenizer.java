package dev.fluxtune.pipeline.tokenize;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Encoded;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.Span;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Owns one of Hugging Face's own tokenizers (native memory): the reference for ids and places.
 * {@link #encode} may be called from several threads; {@link #close} waits for them.
 */
public final class Tokenizer implements AutoCloseable {
  private static final TokenizersLibrary LIBRARY = TokenizersLibrary.LIB;

  private final HuggingFaceTokenizer tokenizer;
  private final int endId;
  private final ReadWriteLock open = new ReentrantReadWriteLock();

  private Tokenizer(HuggingFaceTokenizer tokenizer, int endId) {
    this.tokenizer = tokenizer;
    this.endId = endId;
  }

  /**
   * Opens a {@code tokenizer.json}.
   *
   * @param endId the id that ends each document ({@code concat_token_id})
   * @throws BadInputException if the file is missing or is no tokenizer
   */
  public static Tokenizer open(Path tokenizerJson, int endId) {
    // Without these two the library truncates at 512 tokens and pads.
    try (InputStream in = Files.newInputStream(tokenizerJson)) {
      return new Tokenizer(
          HuggingFaceTokenizer.newInstance(in, Map.of("truncation", "false", "padding", "false")),
          endId);
    } catch (IOException | RuntimeException e) {
      throw new BadInputException(
          tokenizerJson
              + ": cannot be read as a Hugging Face tokenizer ("
              + e.getMessage()
              + "); give the tokenizer.json of the model",
          e);
    }
  }

  /**
   * Tokenizes a whole document once, with the special tokens that {@code tokenizer.json} adds, and
   * ends it with the end-of-document token unless it ends with it already. A lone surrogate counts
   * as U+FFFD.
   *
   * @throws IllegalStateException if the tokenizer is closed
   */
  public Encoded encode(Prompted document) {
    String text = withoutLoneSurrogates(document.text());
    open.readLock().lock();
    try {
      if (tokenizer.isReleased()) {
        throw new IllegalStateException("the tokenizer is closed");
      }
      long encoding = LIBRARY.encode(tokenizer.getHandle(), text, true);
      try {
        return encoded(
            LIBRARY.getTokenIds(encoding),
            LIBRARY.getTokenCharSpans(encoding),
            inCodePoints(text, document.trained()));
      } finally {
        LIBRARY.deleteEncoding(encoding);
      }
    } finally {
      open.readLock().unlock();
    }
  }

  private Encoded encoded(long[] tokens, CharSpan[] places, int[] trainedSpans) {
    int n = tokens.length;
    int length = n > 0 && tokens[n - 1] == endId ? n : n + 1;
    int[] ids = new int[length];
    int[] starts = new int[length];
    int[] ends = new int[length];
    int last = 0;
    for (int i = 0; i < length; i++) {
      ids[i] = i < n ? (int) tokens[i] : endId;
      CharSpan place = i < n ? places[i] : null;
      starts[i] = place == null ? last : place.getStart();
      ends[i] = place == null ? last : place.getEnd();
      last = ends[i];
    }
    return new Encoded(ids, starts, ends, trainedSpans);
  }

  private static int[] inCodePoints(String text, List<Span> spans) {
    int[] flat = new int[2 * spans.size()];
    int units = 0;
    int points = 0;
    for (int i = 0; i < flat.length; i++) {
      Span span = spans.get(i / 2);
      int to = i % 2 == 0 ? span.start() : span.end();
      points += text.codePointCount(units, to);
      units = to;
      flat[i] = points;
    }
    return flat;
  }

  /** One lone surrogate would spoil the whole string on its way to UTF-8. */
  static String withoutLoneSurrogates(String text) {
    char[] repaired = null;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!Character.isSurrogate(c)) {
        continue;
      }
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
        continue;
      }
      if (repaired == null) {
        repaired = text.toCharArray();
      }
      repaired[i] = '\uFFFD';
    }
    return repaired == null ? text : new String(repaired);
  }

  @Override
  public void close() {
    open.writeLock().lock();
    try {
      tokenizer.close();
    } finally {
      open.writeLock().unlock();
    }
  }

  @Override
  public String toString() {
    return "Tokenizer[endId=" + endId + "]";
  }
}
