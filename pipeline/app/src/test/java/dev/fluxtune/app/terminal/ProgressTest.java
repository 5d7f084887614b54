package dev.fluxtune.app.terminal;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private static Progress.At at(double share, boolean running) {
    Duration elapsed = Duration.ofSeconds(10);
    return new Progress.At(
        "pack", share, Progress.rows(50_000, 8_000_000, elapsed), elapsed, running);
  }

  @Test
  void showsRowsTokensRateAndTimeLeft() {
    assertThat(Progress.bar(at(0.25, true), 99))
        .isEqualTo(
            "pack   25 % [#######......................]  50,000 rows  8,000,000 tokens  5,000"
                + " rows/s  0:30 left")
        .hasSize(99);
    assertThat(Progress.line(at(0.25, true)))
        .isEqualTo("pack: 25 %, 50,000 rows, 8,000,000 tokens, 5,000 rows/s, 0:30 left");
  }

  @Test
  void fillsTheLineAndNeverMore() {
    for (int width = 1; width < 200; width++) {
      assertThat(Progress.bar(at(0.5, true), width)).hasSize(width);
      assertThat(Progress.bar(at(-1, true), width)).hasSize(width);
    }
  }

  @Test
  void showsTheTimeGoneWhereTheWholeIsNotKnown() {
    assertThat(Progress.line(at(-1, true)))
        .isEqualTo("pack: 50,000 rows, 8,000,000 tokens, 5,000 rows/s, 0:10");
    assertThat(Progress.bar(at(-1, true), 80).strip())
        .isEqualTo("pack  50,000 rows  8,000,000 tokens  5,000 rows/s  0:10");
  }

  @Test
  void printsOneLineOfAShortPassWhereNoTerminalIs() {
    String printed = printed(false);
    assertThat(printed).matches("count: 7 rows, 300 tokens, [\\d,]+ rows/s, 0:00\n");
  }

  @Test
  void drawsOverItsLineOnATerminal() {
    String printed = printed(true);
    assertThat(printed).startsWith("\rcount").endsWith("\n").doesNotContain("\u001b");
    assertThat(printed.substring(printed.lastIndexOf('\r')))
        .contains("100 % [", "7 rows  300 tokens");
  }

  private static String printed(boolean shown) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    Terminal terminal = new Terminal(stream, stream, shown, shown, false, 90);
    try (Progress progress = Progress.start(terminal, "count", 10)) {
      progress.add(6, 4, 100);
      progress.add(4, 3, 200);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void wantsNoColourWhereTheUserSaysSo() {
    assertThat(Terminal.wantsColour(Map.of("TERM", "xterm"))).isTrue();
    assertThat(Terminal.wantsColour(Map.of("NO_COLOR", "1"))).isFalse();
    assertThat(Terminal.wantsColour(Map.of("NO_COLOR", ""))).isTrue();
  }
}
