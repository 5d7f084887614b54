package dev.fluxtune.pipeline.format;

import dev.fluxtune.schemas.Example;
import dev.fluxtune.schemas.Example.Instruction;
import dev.fluxtune.schemas.Example.PromptCompletion;
import dev.fluxtune.schemas.Example.Text;
import dev.fluxtune.schemas.Prompted;

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
}
