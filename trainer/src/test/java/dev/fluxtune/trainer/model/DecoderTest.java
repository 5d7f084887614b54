package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DecoderTest {
  @ParameterizedTest
  @ValueSource(strings = {"llama2", "llama3", "mistral", "qwen2"})
  void eachStepHasTheLogitsOfAFullPass(String shape) {
    Fixture fixture = Fixture.of(shape);
    int[][] texts = {
      Arrays.copyOf(fixture.batch().inputIds(), 20),
      Arrays.copyOfRange(fixture.batch().inputIds(), 30, 45),
      Arrays.copyOfRange(fixture.batch().inputIds(), 50, 65)
    };
    int[] prompts = {6, 1, 15}; // the last one has ended before
    Llama.Options options = new Llama.Options(Trained.everything(), false, false);
    for (int[] rows : new int[][] {{0}, {0, 1, 2}}) {
      try (Weights weights = fixture.weights();
          Llama model = new Llama(fixture.config(), weights, options);
          Decoder decoder =
              new Decoder(
                  fixture.config(),
                  weights,
                  Arrays.stream(rows)
                      .mapToObj(row -> Arrays.copyOf(texts[row], prompts[row]))
                      .toList(),
                  14)) {
        float[] logits = decoder.start();
        for (int step = 0; step <= 14; step++) {
          if (step > 0) {
            logits = decoder.next(ids(rows, texts, prompts, step), goesOn(rows));
          }
          for (int row : rows) {
            if (row != 2 || step == 0) {
              int behind = prompts[row] + step;
              assertThat(
                      Fixture.distance(
                          Arrays.copyOfRange(logits, row * 96, (row + 1) * 96),
                          last(model, Arrays.copyOf(texts[row], behind))))
                  .as("row %d after %d tokens", row, behind)
                  .isLessThan(1e-4);
            }
          }
        }
      }
    }
  }

  private static int[] ids(int[] rows, int[][] texts, int[] prompts, int step) {
    return Arrays.stream(rows)
        .map(row -> texts[row][Math.min(prompts[row] + step, texts[row].length) - 1])
        .toArray();
  }

  private static boolean[] goesOn(int[] rows) {
    boolean[] goesOn = new boolean[rows.length];
    for (int i = 0; i < rows.length; i++) {
      goesOn[i] = rows[i] != 2;
    }
    return goesOn;
  }

  private static float[] last(Llama model, int[] ids) {
    int[] labels = new int[ids.length];
    Arrays.fill(labels, Chunk.IGNORED);
    Chunk chunk = new Chunk(ids, labels, new int[] {ids.length});
    float[] logits = model.logits(Batch.stack(List.of(chunk), OptionalInt.empty()));
    return Arrays.copyOfRange(logits, logits.length - 96, logits.length);
  }
}
