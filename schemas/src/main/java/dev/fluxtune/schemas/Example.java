package dev.fluxtune.schemas;

/** One row in the shape it was written in, before any prompt is built from it. */
public sealed interface Example {

  /** An Alpaca row; an absent {@code input} is the empty string. */
  record Instruction(String instruction, String input, String output) implements Example {}

  /**
   * A row that is a prompt and what should follow it; only the completion is trained by default.
   */
  record PromptCompletion(String prompt, String completion) implements Example {}

  /** A row of plain text, trained whole. */
  record Text(String text) implements Example {}
}
