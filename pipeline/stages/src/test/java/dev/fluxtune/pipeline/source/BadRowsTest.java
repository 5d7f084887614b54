package dev.fluxtune.pipeline.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BadRowsTest {
  @Test
  void failsAtTheFirst() {
    assertThatThrownBy(() -> BadRows.fail().report("a.jsonl:3", "no prompt"))
        .isInstanceOf(BadInputException.class)
        .hasMessage("a.jsonl:3: no prompt (on_bad_row: skip leaves such rows out)");
  }

  @Test
  void namesThePlaceOnce() {
    assertThatThrownBy(() -> BadRows.fail().report("a.jsonl:3", "a.jsonl:3: no prompt"))
        .hasMessageStartingWith("a.jsonl:3: no prompt (");
  }

  @Test
  void countsAndKeepsTheFirstTenFromSeveralThreads() {
    BadRows bad = BadRows.skip();
    bad.report("a:1", "x");
    IntStream.rangeClosed(2, 1000).parallel().forEach(i -> bad.report("a:" + i, "x"));
    assertThat(bad.count()).isEqualTo(1000);
    assertThat(bad.first()).hasSize(10).doesNotHaveDuplicates().first().isEqualTo("a:1: x");
  }
}
