package dev.fluxtune.pipeline.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.Span;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TemplateTest {
  private static Prompted fill(String template, Map<String, String> row) {
    return Template.parse(template, "prompt.txt").fill(row::get);
  }

  @Test
  void fillsColumnsInAndTrainsWhatIsMarked() {
    assertThat(
            fill(
                "Q: {question}\nA: {% generation %}{answer}.{% endgeneration %}\n",
                Map.of("question", "1 + 1?", "answer", "2")))
        .isEqualTo(new Prompted("Q: 1 + 1?\nA: 2.", List.of(new Span(13, 15))));
  }

  @Test
  void whatEditorsPutAroundAFileIsNoPartOfIt() {
    assertThat(fill("\uFEFF{a}!\r\n", Map.of("a", "x")).text()).isEqualTo("x!");
  }

  @Test
  void marksSeveralParts() {
    Prompted filled =
        fill(
            "{a}{% generation %}{b}{% endgeneration %}{a}{%- generation -%}{b}{% endgeneration %}!",
            Map.of("a", "xx", "b", "yyy"));
    assertThat(filled)
        .isEqualTo(new Prompted("xxyyyxxyyy!", List.of(new Span(2, 5), new Span(7, 10))));
  }

  @Test
  void trainsEverythingWhereNothingIsMarked() {
    assertThat(fill("{a} of the next generation", Map.of("a", "x")))
        .isEqualTo(Prompted.of("x of the next generation"));
  }

  @Test
  void takesOtherBracesAsText() {
    assertThat(fill("{\"k\": {\"v\": \"{a}\"}} { } {1}", Map.of("a", "x")).text())
        .isEqualTo("{\"k\": {\"v\": \"x\"}} { } {1}");
  }

  @Test
  void neverFillsInWhatARowContains() {
    assertThat(fill("{a}{b}", Map.of("a", "{b}{% generation %}", "b", "y")).text())
        .isEqualTo("{b}{% generation %}y");
  }

  @ParameterizedTest
  @CsvSource({
    "'{{ a }}', 'prompt.txt:1: {{ a }} is Jinja; a column is written {column} here'",
    "'x {a}\ny {% if x %}', prompt.txt:2: {% if x %} does not fit here",
    "'{a}{% endgeneration %}', prompt.txt:1: {% endgeneration %} does not fit here",
    "'{% generation %}{a}{% generation %}', prompt.txt:1: {% generation %} does not fit here",
    "'{a}{% generation %}', prompt.txt: {% generation %} without {% endgeneration %}",
    "'hello', prompt.txt: has no {column}"
  })
  void refusesWhatItDoesNotUnderstand(String template, String message) {
    assertThatThrownBy(() -> Template.parse(template, "prompt.txt"))
        .isInstanceOf(BadInputException.class)
        .hasMessageStartingWith(message);
  }
}
