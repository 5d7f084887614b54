package dev.fluxtune.app.terminal;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Tests {@link Visible}. */
class VisibleTest {
  @Test
  void showsWhatWouldActOnATerminal() {
    assertThat(Visible.of("\u001b[31mred\u001b[0m \u009b2J\r\u0007\b\u007f"))
        .isEqualTo("\\u001b[31mred\\u001b[0m \\u009b2J\\u000d\\u0007\\u0008\\u007f");
    assertThat(Visible.of("abc\u202edef\u2066")).isEqualTo("abc\\u202edef\\u2066");
  }

  @Test
  void leavesTextsAsTheyAre() {
    String text = "1\t2\n\u00fcber $1 \\n \u05e9\u05dc\u05d5\u05dd \ud83d\ude00";
    assertThat(Visible.of(text)).isEqualTo(text);
    assertThat(Visible.message(text)).isEqualTo(text);
  }

  @Test
  void aShellTakesANameInACommandForOneWord() throws IOException, InterruptedException {
    for (String name :
        List.of("a b", "it's", "$HOME", "a\"b", "`id`", "x;y", "~", "*", "\u00fcber")) {
      assertThat(printedByShell(Visible.inCommand(Path.of(name)))).isEqualTo(name);
    }
    assertThat(Visible.inCommand(Path.of("runs/20261125-081500_a.b")))
        .isEqualTo("runs/20261125-081500_a.b");
  }

  private static String printedByShell(String word) throws IOException, InterruptedException {
    Process shell = new ProcessBuilder("sh", "-c", "printf %s " + word).start();
    String printed = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(shell.waitFor()).isZero();
    return printed;
  }

  @Test
  void aMessageHasNoEndlessLine() {
    String message = Visible.message("row 1: " + "x".repeat(1 << 20) + "\nleave it out\u001b");
    assertThat(message.lines()).hasSize(2);
    assertThat(message)
        .hasSizeLessThan(2100)
        .contains("… (1,046,583 characters more)\n")
        .endsWith("leave it out\\u001b");
  }
}
