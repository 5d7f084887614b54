package dev.fluxtune.pipeline.format;

import dev.fluxtune.pipeline.source.BadRows;
import dev.fluxtune.pipeline.source.RecordBatch;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Example;
import dev.fluxtune.schemas.Example.Instruction;
import dev.fluxtune.schemas.Example.PromptCompletion;
import dev.fluxtune.schemas.Example.Text;
import dev.fluxtune.schemas.Prompted;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Builds the text of a document; of rows with an answer, only the answer is trained. */
public final class Format {
  private static final String WITHOUT_INPUT =
      "Below is an instruction that describes a task. "
          + "Write a response that appropriately completes the request.\n\n"
          + "### Instruction:\n";

  private static final String WITH_INPUT =
      "Below is an instruction that describes a task, paired with an input that provides further"
          + " context. Write a response that appropriately completes the request.\n\n"
          + "### Instruction:\n";

  private static final String ONE_KIND =
      "; the rows of all files are of one kind, told by the first: give them the same columns";

  private Format() {}

  /**
   * The text of a row: the prompts of Stanford Alpaca for instructions, the row's own text for the
   * others. Nothing is stripped or added.
   */
  public static Prompted prompt(Example row) {
    if (row instanceof Instruction it) {
      String prompt =
          it.input().isEmpty()
              ? WITHOUT_INPUT + it.instruction()
              : WITH_INPUT + it.instruction() + "\n\n### Input:\n" + it.input();
      return Prompted.of(prompt + "\n\n### Response:\n", it.output());
    }
    if (row instanceof PromptCompletion it) {
      return Prompted.of(it.prompt(), it.completion());
    }
    if (row instanceof Text it) {
      return Prompted.of(it.text());
    }
    throw new AssertionError(row);
  }

  /** Builds the text of a row of a record batch. */
  interface Row<T> {
    T of(RecordBatch rows, int row);
  }

  /**
   * The stage: one list for each record batch, which is closed.
   *
   * @param kind what the rows are; text of some kind
   * @param textField the column of plain text
   * @param completionOnly whether only the answer is trained
   */
  public static Function<RecordBatch, List<Prompted>> with(
      RowKind kind, String textField, boolean completionOnly, BadRows bad) {
    Row<Prompted> prompt = (rows, row) -> prompt(example(kind, textField, rows, row));
    return batch ->
        each(
            batch,
            completionOnly
                ? prompt
                : (rows, row) -> Prompted.of(prompt.of(rows, row).text()), // all of it is trained
            bad);
  }

  /** The stage for rows that a template of the user's puts into words. */
  public static Function<RecordBatch, List<Prompted>> with(
      Template template, boolean completionOnly, BadRows bad) {
    Row<Prompted> filled = (rows, row) -> template.fill(column -> required(rows, row, column, ""));
    return batch ->
        each(
            batch,
            completionOnly ? filled : (rows, row) -> Prompted.of(filled.of(rows, row).text()),
            bad);
  }

  /** Reads each row of a record batch, and closes it. Bad rows are reported and left out. */
  static <T> List<T> each(RecordBatch batch, Row<T> read, BadRows bad) {
    try (batch) {
      List<T> all = new ArrayList<>(batch.size());
      for (int row = 0; row < batch.size(); row++) {
        try {
          all.add(read.of(batch, row));
        } catch (BadInputException e) {
          bad.report(batch.place(row), e.getMessage());
        }
      }
      return all;
    }
  }

  private static Example example(RowKind kind, String textField, RecordBatch rows, int row) {
    return switch (kind) {
      case INSTRUCTION ->
          new Instruction(
              required(rows, row, "instruction", ONE_KIND),
              rows.text(row, "input").orElse(""),
              required(rows, row, "output", ONE_KIND));
      case PROMPT_COMPLETION ->
          new PromptCompletion(
              required(rows, row, "prompt", ONE_KIND), required(rows, row, "completion", ONE_KIND));
      case TEXT -> new Text(required(rows, row, textField, ONE_KIND));
      case PACKED, PREPARED, TEMPLATE -> throw new IllegalArgumentException(kind + " has no text");
    };
  }

  private static String required(RecordBatch rows, int row, String column, String whereNone) {
    return rows.text(row, column)
        .orElseThrow(
            () ->
                new BadInputException(
                    "%s: column %s is missing or null; the row's columns are %s%s"
                        .formatted(
                            rows.place(row),
                            column,
                            rows.columns(),
                            rows.columns().contains(column) ? "" : whereNone)));
  }
}
