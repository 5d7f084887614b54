package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Tests {@link Table}. */
class TableTest {
  @Test
  void aFolderNameThatWouldActOnATerminalIsShown() {
    assertThat(
            new Table().line("model", "", "a\u001b[31m").line("folder", "b\u202ec", "").toString())
        .contains("a\\u001b[31m")
        .contains("b\\u202ec");
  }
}
