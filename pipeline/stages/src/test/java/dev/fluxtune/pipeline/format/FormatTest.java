package dev.fluxtune.pipeline.format;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Example;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.Span;
import org.junit.jupiter.api.Test;

class FormatTest {
  private static String trained(Prompted p) {
    Span span = p.trained().get(0);
    return p.text().substring(span.start(), span.end());
  }

  @Test
  void writesTheAlpacaPromptWithoutInput() {
    Prompted p = Format.prompt(new Example.Instruction("Say hi.", "", "Hi!"));
    assertThat(p.text())
        .isEqualTo(
            "Below is an instruction that describes a task. Write a response that appropriately"
                + " completes the request.\n\n### Instruction:\nSay hi.\n\n### Response:\nHi!");
    assertThat(trained(p)).isEqualTo("Hi!");
  }

  @Test
  void writesTheAlpacaPromptWithInput() {
    Prompted p = Format.prompt(new Example.Instruction("Add.", "1 2", "3"));
    assertThat(p.text())
        .isEqualTo(
            "Below is an instruction that describes a task, paired with an input that provides"
                + " further context. Write a response that appropriately completes the"
                + " request.\n\n### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:\n3");
    assertThat(trained(p)).isEqualTo("3");
  }

  @Test
  void takesSpacesForAnInput() {
    assertThat(Format.prompt(new Example.Instruction("Trim.", " ", "")).text())
        .contains("### Input:\n \n\n### Response:");
  }

  @Test
  void trainsTheCompletionOfAPromptAndTheWholeOfAText() {
    assertThat(trained(Format.prompt(new Example.PromptCompletion("a ", "b ")))).isEqualTo("b ");
    assertThat(trained(Format.prompt(new Example.Text(" all ")))).isEqualTo(" all ");
  }
}
