package dev.fluxtune.app;

import dev.fluxtune.pipeline.format.Prepared;
import dev.fluxtune.pipeline.format.RowKind;
import dev.fluxtune.pipeline.mask.Mask;
import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.schemas.Tokenized;
import dev.fluxtune.trainer.generate.Generate;
import dev.fluxtune.trainer.generate.Sampling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Rows as questions with known answers: what a model answers, and how often it is right.
 *
 * @param rows prompts and answers, as ids; an answer ends with the end of its document
 */
record KnownAnswers(List<Row> rows) {
  private static final int AT_ONCE = 64;

  /**
   * A prompt, and what should follow.
   *
   * @param number of the document among all, from 1
   */
  record Row(long number, int[] prompt, int[] answer) {
    static Optional<Row> of(long number, Tokenized document) {
      boolean[] trained = document.trained();
      int from = 0;
      while (from < trained.length && !trained[from]) {
        from++;
      }
      return from == 0 || from == trained.length
          ? Optional.empty()
          : Optional.of(
              new Row(
                  number,
                  Arrays.copyOf(document.ids(), from),
                  Arrays.copyOfRange(document.ids(), from, trained.length)));
    }
  }

  /** All rows that have a prompt and an answer. */
  static KnownAnswers all(Ports io) {
    return of(io, Integer.MAX_VALUE, Integer.MAX_VALUE);
  }

  /**
   * The first rows that have a prompt and an answer.
   *
   * @param most how many
   * @param longest tokens that a prompt may have; others are left out
   */
  static KnownAnswers of(Ports io, int most, int longest) {
    boolean documents = io.kind().isText() || io.kind() == RowKind.PREPARED;
    if (most == 0 || !documents || io.decoder().isEmpty() || io.dataSets().isEmpty()) {
      return new KnownAnswers(List.of());
    }
    BadRows bad = io.badRows();
    return new KnownAnswers(
        documents(io, bad)
            .index()
            .concatMap(it -> Mono.justOrEmpty(Row.of(it.getT1() + 1, it.getT2())), 1)
            .filter(row -> row.prompt().length <= longest)
            .take(most)
            .collectList()
            .blockOptional()
            .orElse(List.of()));
  }

  /** Each for itself: of many rows the first few are wanted. */
  private static Flux<Tokenized> documents(Ports io, BadRows bad) {
    return io.kind() == RowKind.PREPARED
        ? io.rows(bad).map(Prepared.documents(bad)).concatMapIterable(some -> some, 1)
        : io.rows(bad)
            .map(io.format(bad))
            .concatMapIterable(some -> some, 1)
            .map(it -> Mask.exact().apply(List.of(io.tokenizer().encode(it))).get(0));
  }

  /** What a model answers, greedily: the tokens that follow each prompt. */
  List<int[]> answers(Trainee trainee, int maxNewTokens, OptionalInt endId) {
    Set<Integer> ends = endId.stream().boxed().collect(Collectors.toSet());
    Sampling greedy = Sampling.greedy(maxNewTokens, ends);
    List<int[]> answers = new ArrayList<>();
    for (int at = 0; at < rows.size(); at += AT_ONCE) {
      List<int[]> prompts =
          rows.subList(at, Math.min(at + AT_ONCE, rows.size())).stream().map(Row::prompt).toList();
      answers.addAll(Generate.after(prompts, trainee.config(), trainee.weights(), greedy));
    }
    return answers;
  }

  /** Share of answers that are exactly those of the rows. */
  double exactMatch(List<int[]> answers) {
    long right = 0;
    for (int i = 0; i < rows.size(); i++) {
      right += Arrays.equals(rows.get(i).answer(), answers.get(i)) ? 1 : 0;
    }
    return (double) right / Math.max(1, rows.size());
  }

  int longestAnswer() {
    return rows.stream().mapToInt(row -> row.answer().length).max().orElse(1);
  }

  /** As if every answer were the most frequent one of the training rows. */
  double mostFrequent(KnownAnswers training) {
    Map<String, Integer> counts = new HashMap<>();
    int[] best = {};
    for (Row row : training.rows) {
      int count = counts.merge(Arrays.toString(row.answer()), 1, Integer::sum);
      if (count > counts.getOrDefault(Arrays.toString(best), 0) || best.length == 0) {
        best = row.answer();
      }
    }
    int[] always = best;
    return exactMatch(rows.stream().map(row -> always).toList());
  }

  /**
   * As if every answer were that of the training row whose prompt has the most tokens in common,
   * each counted as often as it occurs in both; the first of several.
   */
  double nearest(KnownAnswers training) {
    List<int[]> sorted = training.rows.stream().map(row -> sorted(row.prompt())).toList();
    return exactMatch(
        rows.stream()
            .map(
                row -> {
                  int[] prompt = sorted(row.prompt());
                  int best = 0;
                  int most = -1;
                  for (int i = 0; i < sorted.size(); i++) {
                    int common = inCommon(prompt, sorted.get(i));
                    if (common > most) {
                      most = common;
                      best = i;
                    }
                  }
                  return training.rows.get(best).answer();
                })
            .toList());
  }

  private static int[] sorted(int[] ids) {
    int[] copy = ids.clone();
    Arrays.sort(copy);
    return copy;
  }

  private static int inCommon(int[] a, int[] b) {
    int common = 0;
    for (int i = 0, j = 0; i < a.length && j < b.length; ) {
      if (a[i] == b[j]) {
        common++;
        i++;
        j++;
      } else if (a[i] < b[j]) {
        i++;
      } else {
        j++;
      }
    }
    return common;
  }
}
