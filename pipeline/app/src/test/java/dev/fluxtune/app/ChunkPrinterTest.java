package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Chunk;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ChunkPrinterTest {
  private static final int I = Chunk.IGNORED;

  /** Two documents and two tokens of padding. */
  private static final Chunk CHUNK =
      new Chunk(
          new int[] {'Q', '?', 'A', 1, 'B', 'C', 1, 1},
          new int[] {I, I, 'A', 1, I, 'C', I, I},
          new int[] {4, 2, 2},
          2);

  private static String decode(int... ids) {
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(id == 1 ? "</s>" : Character.toString(id));
    }
    return text.toString();
  }

  @Test
  void tellsDocumentsApartAndMarksTrainedTextForAPipe() {
    assertThat(
            new ChunkPrinter(Optional.of(ChunkPrinterTest::decode), false).print(7, CHUNK).lines())
        .map(line -> line.replaceAll("─+$", "").strip())
        .containsExactly(
            "── chunk 7: 8 tokens, 3 trained, 2 documents",
            "── document 0, tokens 0 to 3, positions 0 to 3",
            "Q?⟦A</s>⟧",
            "── document 1, tokens 4 to 5, positions 0 to 1",
            "B⟦C⟧",
            "── padding, tokens 6 to 7");
  }

  @Test
  void trainedTextIsBrightAndSpecialTokensAreReversed() {
    assertThat(new ChunkPrinter(Optional.of(ChunkPrinterTest::decode), true).print(0, CHUNK))
        .contains("\u001b[2mQ?\u001b[0m\u001b[1;32mA\u001b[7m</s>\u001b[27m\u001b[0m");
  }

  @Test
  void printsIdsWhereThereIsNoTokenizer() {
    assertThat(new ChunkPrinter(Optional.empty(), false).print(0, CHUNK)).contains("81 63 ⟦65 1 ⟧");
  }

  @Test
  void textActsOnNoTerminal() {
    Chunk chunk =
        new Chunk(new int[] {27, '[', 'J', 0x9b}, new int[] {I, I, 'J', I}, new int[] {4});
    assertThat(new ChunkPrinter(Optional.of(ChunkPrinterTest::decode), false).print(0, chunk))
        .contains("\n\\u001b[⟦J⟧\\u009b\n");
  }
}
