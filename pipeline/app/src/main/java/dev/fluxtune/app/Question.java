package dev.fluxtune.app;

import dev.fluxtune.pipeline.format.RowKind;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.Span;
import java.util.List;
import java.util.Optional;

/**
 * A text to go on from.
 *
 * @param completion what should follow, where a row says it
 */
record Question(String prompt, Optional<String> completion) {

  static Question of(String prompt) {
    return new Question(prompt, Optional.empty());
  }

  /**
   * The prompt of a row: what stands before the first part that would be trained. Where no part is
   * set apart, all of it.
   */
  static Question of(Prompted row, RowKind kind) {
    String text = row.text();
    boolean everything = row.trained().equals(List.of(new Span(0, text.length())));
    boolean apart = kind != RowKind.TEXT && !(kind == RowKind.TEMPLATE && everything);
    if (!apart || row.trained().isEmpty()) {
      return of(text);
    }
    Span answer = row.trained().get(0);
    return new Question(
        text.substring(0, answer.start()),
        Optional.of(text.substring(answer.start(), answer.end())));
  }
}
