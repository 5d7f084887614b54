package dev.fluxtune.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Counts;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.RunConfig.OnBadRow;
import dev.fluxtune.schemas.ShardFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.UnaryOperator;
import reactor.core.publisher.Flux;

/**
 * What one pass over all rows found.
 *
 * @param counts what an epoch holds
 * @param badRows rows that were skipped
 * @param firstBadRows the first of them, with file and row
 * @param specialsInText special tokens that stood in the text of rows
 */
record Counted(Counts counts, long badRows, List<String> firstBadRows, long specialsInText) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * Counts an epoch before its first step: from the shards' manifest, from an earlier pass over the
   * same files with the same settings, or from a pass over all rows now.
   *
   * @param watch sees the chunks of such a pass go by
   */
  static Counted of(Ports io, Cache cache, UnaryOperator<Flux<Packed>> watch) {
    return io.shards()
        .map(
            shards ->
                new Counted(
                    new Counts(shards.manifest().chunks(), shards.manifest().ledger()),
                    0,
                    List.of(),
                    0))
        .orElseGet(
            () -> {
              // Where a later version packs other chunks of the same settings, it counts anew.
              String question =
                  "counts %d %s%s%s"
                      .formatted(
                          ShardFormat.VERSION,
                          Settings.of(io, cache),
                          io.isEvaluation() ? " to evaluate on" : "",
                          // Rows that were skipped are told by the paths of their files.
                          io.config().data().onBadRow() == OnBadRow.SKIP ? io.dataSets() : "");
              Optional<Counted> kept = cache.read(question).flatMap(Counted::parse);
              if (kept.isPresent()) {
                return kept.get();
              }
              Counted found = pass(io, watch);
              cache.keep(question, found.json());
              return found;
            });
  }

  private static Counted pass(Ports io, UnaryOperator<Flux<Packed>> watch) {
    Ledger[] ledger = {Ledger.EMPTY};
    BadRows bad = io.badRows();
    long chunks =
        watch
            .apply(SftRecipe.chunks(io, Position.START, bad, whole -> ledger[0] = whole))
            .reduce(0L, (n, chunk) -> n + 1)
            .blockOptional()
            .orElse(0L);
    return of(new Counts(chunks, ledger[0]), io, bad);
  }

  /** The counts of a pass that ends now, with what it found wrong. */
  static Counted of(Counts counts, Ports io, BadRows bad) {
    long specials = io.kind().isText() ? io.tokenizer().specialsInText() : 0;
    return new Counted(counts, bad.count(), bad.first(), specials);
  }

  /**
   * Checks that an epoch held what was counted before: the steps of the plan were its.
   *
   * @param epoch the account of its tokens
   * @throws BadInputException if it was more or less
   */
  static void check(Ledger counted, Ledger epoch) {
    if (epoch.documents() != counted.documents() || epoch.tokens() != counted.tokens()) {
      throw new BadInputException(
          String.format(
              Locale.ROOT,
              "the rows have changed since they were counted: %,d documents of %,d tokens were %,d of %,d, and with them the steps of the run; leave the files as they are while they are trained on, or train on shards (pipeline pack)",
              epoch.documents(),
              epoch.tokens(),
              counted.documents(),
              counted.tokens()));
    }
  }

  private String json() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }

  private static Optional<Counted> parse(String json) {
    try {
      return Optional.of(JSON.readValue(json, Counted.class));
    } catch (JsonProcessingException e) {
      return Optional.empty(); // kept by another version
    }
  }
}
