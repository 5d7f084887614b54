package dev.fluxtune.pipeline.format;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Nearest;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** What the rows of a data set are, told by their columns. */
public enum RowKind {
  /** Chunks: {@code input_ids} with {@code seq_lengths}. */
  PACKED,
  /** Documents as ids: {@code input_ids}, with {@code labels} or masks. */
  PREPARED,
  /** Whatever columns the user's template names. */
  TEMPLATE,
  /** Alpaca rows: {@code instruction}, {@code output}, and perhaps {@code input}. */
  INSTRUCTION,
  /** {@code prompt} and {@code completion}. */
  PROMPT_COMPLETION,
  /** Plain text. */
  TEXT;

  private static final List<String> KNOWN =
      List.of(
          "instruction", "input", "output", "prompt", "completion", "text", "input_ids", "labels");

  /**
   * Tells the kind.
   *
   * @param file the file that has the columns, for the message
   * @param columns the columns, under our names
   * @param textField the column of plain text ({@code dataset_text_field})
   * @param template whether the user gave a template
   * @throws BadInputException if the columns are none of these
   */
  public static RowKind of(String file, Set<String> columns, String textField, boolean template) {
    if (columns.contains("input_ids")) {
      return columns.contains("seq_lengths") ? PACKED : PREPARED;
    }
    if (template) {
      return TEMPLATE;
    }
    // Some Alpaca files carry a column text as well; only where another was asked for it counts.
    boolean asked = !textField.equals("text");
    if (asked && columns.contains(textField)) {
      return TEXT;
    }
    if (asked) {
      throw new BadInputException(
          "%s: dataset_text_field is %s, but the columns are %s; name one of those, or leave it out%s"
              .formatted(
                  file, textField, String.join(", ", columns), Nearest.hint(textField, columns)));
    }
    if (columns.contains("instruction") && columns.contains("output")) {
      return INSTRUCTION;
    }
    if (columns.contains("prompt") && columns.contains("completion")) {
      return PROMPT_COMPLETION;
    }
    if (columns.contains(textField)) {
      return TEXT;
    }
    if (columns.contains("messages") || columns.contains("conversations")) {
      throw new BadInputException(
          file
              + ": chat rows (messages) cannot be read yet; turn each into a prompt and a"
              + " completion, written as the model's chat template writes them");
    }
    if (columns.isEmpty()) {
      throw new BadInputException(
          file
              + ": its first rows have no column, or none that columns keeps; name columns that it"
              + " has");
    }
    throw new BadInputException(
        "%s: cannot tell what its rows are from the columns %s; rows need instruction and output, prompt and completion, %s, or input_ids: rename with column_mapping, or give a template%s"
            .formatted(file, columns, textField, meant(columns)));
  }

  /** What a column's name most likely was to be. */
  private static String meant(Set<String> columns) {
    List<String> known = KNOWN.stream().filter(it -> !columns.contains(it)).toList();
    return columns.stream()
        .filter(it -> !KNOWN.contains(it))
        .map(it -> Nearest.to(it, known).map(near -> "; is " + it + " meant to be " + near + "?"))
        .flatMap(Optional::stream)
        .collect(Collectors.joining());
  }

  /** Whether rows of this kind are text, which needs a tokenizer. */
  public boolean isText() {
    return this != PACKED && this != PREPARED;
  }

  /**
   * Whether only the answer is trained: as asked, else where there is one.
   *
   * @throws BadInputException if it was asked for and the rows have no answer
   */
  public boolean trainsCompletionOnly(Optional<Boolean> asked) {
    if (this == TEXT && asked.orElse(false)) {
      throw new BadInputException(
          "completion_only_loss: rows of plain text have no completion; leave it out, or use"
              + " columns prompt and completion");
    }
    return asked.orElse(this != TEXT);
  }
}
