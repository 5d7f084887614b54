package dev.fluxtune.pipeline.tokenize;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Encoded;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.RunConfig.TokenizerBackend;
import dev.fluxtune.schemas.Span;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * Owns one of Hugging Face's own tokenizers (native memory): the reference for ids and places.
 * Where it can, {@link BytePairs} encodes instead, to the same ids and places and many times
 * faster; a sample of the documents is encoded by both. {@link #encode} may be called from several
 * threads; {@link #close} waits for them.
 */
public final class Tokenizer implements AutoCloseable {
  /** Documents that both encode, to compare: the first ones, and one in so many. */
  private static final long COMPARED_FIRST = 1000;

  private static final long COMPARED_EVERY = 1000;
  private static final TokenizersLibrary LIBRARY = library();

  private final HuggingFaceTokenizer tokenizer;
  private final Optional<BytePairs> fast;
  private final String backend;
  private final SpecialTokens specials;
  private final int endId;
  private final Places places;
  private final LongAdder specialsInText = new LongAdder();
  private final AtomicLong documents = new AtomicLong();
  private final ReadWriteLock open = new ReentrantReadWriteLock();

  private static TokenizersLibrary library() {
    TokenizersCache.mend();
    return TokenizersLibrary.LIB;
  }

  private Tokenizer(
      HuggingFaceTokenizer opened,
      Optional<BytePairs> fast,
      String backend,
      SpecialTokens specials,
      int endId) {
    this.tokenizer = opened;
    this.fast = fast;
    this.backend = backend;
    this.specials = specials;
    this.endId = endId;
    this.places = new Places(opened.encode("a", true, false).getCharTokenSpans());
  }

  /** Opens the tokenizer of a folder, with the fast encoder where it can be used. */
  public static Tokenizer open(
      Path tokenizerJson, Optional<Path> model, Optional<String> eosToken, OptionalInt endId) {
    return open(tokenizerJson, model, eosToken, endId, TokenizerBackend.AUTO);
  }

  /**
   * Opens the tokenizer of a folder. The end of a document is {@code endId}, else {@code eosToken},
   * else the {@code eos_token} of {@code tokenizer_config.json}, else the first {@code
   * eos_token_id} of {@code generation_config.json} or {@code config.json}.
   *
   * @param tokenizerJson the file, or its folder
   * @param model the folder of the model, where there is one
   * @param eosToken text of the token that ends a document ({@code eos_token})
   * @param endId its id ({@code concat_token_id})
   * @param wished who encodes ({@code tokenizer_backend})
   * @throws BadInputException if the file is missing or is no tokenizer, or nothing says which
   *     token ends a document
   */
  public static Tokenizer open(
      Path tokenizerJson,
      Optional<Path> model,
      Optional<String> eosToken,
      OptionalInt endId,
      TokenizerBackend wished) {
    Path file =
        Files.isDirectory(tokenizerJson) ? tokenizerJson.resolve("tokenizer.json") : tokenizerJson;
    // Without these two the library truncates at 512 tokens and pads.
    try (InputStream in = Files.newInputStream(file)) {
      SpecialTokens specials = SpecialTokens.read(file);
      HuggingFaceTokenizer opened =
          HuggingFaceTokenizer.newInstance(in, Map.of("truncation", "false", "padding", "false"));
      try {
        Choice choice = Choice.of(file, wished);
        return new Tokenizer(
            opened,
            choice.fast,
            choice.text,
            specials,
            endId(opened, file, model, eosToken, endId));
      } catch (IOException | RuntimeException e) {
        opened.close();
        throw e;
      }
    } catch (NoSuchFileException e) {
      throw new BadInputException(
          file + ": no such file; --tokenizer_name_or_path takes the folder of a tokenizer.json",
          e);
    } catch (BadInputException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw new BadInputException(
          file
              + ": cannot be read as a Hugging Face tokenizer ("
              + Reason.of(e)
              + "); give the tokenizer.json of the model",
          e);
    }
  }

  /** Who encodes, and why. */
  private record Choice(Optional<BytePairs> fast, String text) {
    static Choice of(Path file, TokenizerBackend wished) throws IOException {
      if (wished == TokenizerBackend.REFERENCE) {
        return new Choice(Optional.empty(), "reference, as asked for");
      }
      try {
        return new Choice(Optional.of(new BytePairs(Vocabulary.read(file))), "fast");
      } catch (Vocabulary.NotUnderstoodException e) {
        if (wished == TokenizerBackend.FAST) {
          throw new BadInputException(
              file
                  + ": tokenizer_backend: fast does not know this tokenizer: "
                  + e.getMessage()
                  + "; set tokenizer_backend: auto",
              e);
        }
        return new Choice(Optional.empty(), "reference: " + e.getMessage());
      }
    }
  }

  private static int endId(
      HuggingFaceTokenizer opened,
      Path file,
      Optional<Path> model,
      Optional<String> eosToken,
      OptionalInt endId)
      throws IOException {
    if (endId.isPresent()) {
      long id = endId.getAsInt();
      // Thrice, since a decoder may leave out a space at an end; of no token it gives no text.
      if (opened.decode(new long[] {id, id, id}, false).isEmpty()) {
        throw new BadInputException(
            "concat_token_id: %d is no token of %s; leave it out, or give the id of one that ends a document"
                .formatted(id, file));
      }
      return (int) id;
    }
    Path folder = file.resolveSibling("");
    Optional<String> text = eosToken.isPresent() ? eosToken : SpecialTokens.eosToken(folder);
    if (text.isPresent()) {
      long[] ids = opened.encode(text.get(), false, false).getIds();
      if (ids.length != 1) {
        throw new BadInputException(
            "%s: its eos_token %s is no single token but %d; set concat_token_id to the id that ends a document"
                .formatted(file, text.get(), ids.length));
      }
      return (int) ids[0];
    }
    List<Path> folders = model.map(path -> List.of(folder, path)).orElse(List.of(folder));
    return SpecialTokens.eosTokenId(folders)
        .orElseThrow(
            () ->
                new BadInputException(
                    file
                        + ": nothing says which token ends a document: no eos_token in"
                        + " tokenizer_config.json, no eos_token_id in generation_config.json or"
                        + " config.json; set eos_token, or concat_token_id"));
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
    int[] trained = inCodePoints(text, document.trained());
    return whileOpen(() -> encode(text, trained));
  }

  private Encoded encode(String text, int[] trained) {
    Optional<Tokens> tokens = fast.flatMap(it -> it.encode(text));
    if (tokens.isEmpty()) {
      return byReference(text, trained);
    }
    Tokens it = tokens.get();
    Encoded encoded = ended(it.size, it.ids, it.starts, it.ends, trained);
    long row = documents.getAndIncrement();
    if (row < COMPARED_FIRST || row % COMPARED_EVERY == 0) {
      check(text, encoded, byReference(text, trained));
    }
    return encoded;
  }

  static void check(String text, Encoded fast, Encoded reference) {
    if (!Arrays.equals(fast.ids(), reference.ids())
        || !Arrays.equals(fast.starts(), reference.starts())
        || !Arrays.equals(fast.ends(), reference.ends())) {
      throw new IllegalStateException(
          "the fast tokenizer and the reference differ; set tokenizer_backend: reference, and please"
              + " report it with this text:\n"
              + text);
    }
  }

  private Encoded byReference(String text, int[] trained) {
    long encoding = LIBRARY.encode(tokenizer.getHandle(), text, true);
    try {
      return encoded(encoding, text, trained);
    } finally {
      LIBRARY.deleteEncoding(encoding);
    }
  }

  private Encoded encoded(long encoding, String text, int[] trained) {
    long[] tokens = LIBRARY.getTokenIds(encoding);
    int n = tokens.length;
    int[] ids = new int[n];
    int[] starts = new int[n];
    int[] ends = new int[n];
    if (!places.find(tokens, text, starts, ends)) {
      CharSpan[] answer = LIBRARY.getTokenCharSpans(encoding);
      for (int i = 0; i < n; i++) {
        boolean template = answer[i] == null;
        starts[i] = template ? before(ends, i) : answer[i].getStart();
        ends[i] = template ? starts[i] : answer[i].getEnd();
      }
      places.learn(tokens, answer, text);
    }
    int written = 0;
    for (int i = 0; i < n; i++) {
      ids[i] = (int) tokens[i];
      if (specials.isSpecial(ids[i]) && !places.isTemplate(i, n)) {
        written++;
      }
    }
    if (written > 0) {
      specialsInText.add(written);
    }
    return ended(n, ids, starts, ends, trained);
  }

  /** The first {@code n} tokens, and the one that ends a document unless they end with it. */
  private Encoded ended(int n, int[] ids, int[] starts, int[] ends, int[] trained) {
    int length = n > 0 && ids[n - 1] == endId ? n : n + 1;
    int[] allIds = Arrays.copyOf(ids, length);
    int[] allStarts = Arrays.copyOf(starts, length);
    int[] allEnds = Arrays.copyOf(ends, length);
    if (length > n) {
      allIds[n] = endId;
      allStarts[n] = before(ends, n);
      allEnds[n] = allStarts[n];
    }
    return new Encoded(allIds, allStarts, allEnds, trained);
  }

  private static int before(int[] ends, int token) {
    return token == 0 ? 0 : ends[token - 1];
  }

  /** Who encodes, and where it is not the fast one, why: for people. */
  public String backend() {
    return backend;
  }

  /** What the fast tokenizer has met so far; nothing where the reference encodes. */
  public Words words() {
    return fast.map(BytePairs::words).orElse(new Words(0, 0));
  }

  /** The id that ends each document. */
  public int endId() {
    return endId;
  }

  /** Special tokens so far that stood in a document's own text. */
  public long specialsInText() {
    return specialsInText.sum();
  }

  /** The text of tokens, special ones included. */
  public String decode(int... ids) {
    return decode(ids, false);
  }

  /** The text of tokens, special ones left out. */
  public String decodeText(int... ids) {
    return decode(ids, true);
  }

  private String decode(int[] ids, boolean withoutSpecials) {
    long[] tokens = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      tokens[i] = ids[i];
    }
    return whileOpen(() -> tokenizer.decode(tokens, withoutSpecials));
  }

  /**
   * Tokenizes the beginning of a document, with the special tokens that {@code tokenizer.json} adds
   * and without the end-of-document token, unless the text itself ends with it.
   */
  public int[] prompt(String text) {
    Encoded whole = encode(Prompted.of(text));
    int last = whole.ids().length - 1;
    boolean written = whole.starts()[last] < whole.ends()[last];
    return written ? whole.ids() : Arrays.copyOf(whole.ids(), last);
  }

  private <T> T whileOpen(Supplier<T> call) {
    open.readLock().lock();
    try {
      if (tokenizer.isReleased()) {
        throw new IllegalStateException("the tokenizer is closed");
      }
      return call.get();
    } finally {
      open.readLock().unlock();
    }
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
