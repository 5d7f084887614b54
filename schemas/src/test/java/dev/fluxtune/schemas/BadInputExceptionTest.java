package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BadInputExceptionTest {
  private static List<String> problems(int count) {
    return IntStream.rangeClosed(1, count).mapToObj(i -> "problem " + i).toList();
  }

  @Test
  void tellsTheFirstTenProblems() {
    assertThat(BadInputException.of("two:", problems(2)))
        .hasMessage("two:\n  problem 1\n  problem 2");
    assertThat(BadInputException.of("ten:", problems(10)).getMessage()).endsWith("\n  problem 10");
    assertThat(BadInputException.of("many:", problems(13)).getMessage())
        .startsWith("many:\n  problem 1\n")
        .endsWith("\n  problem 10\n  and 3 more");
  }
}
