package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.trainer.checkpoint.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class MergedWeightsTest {
  /** As all weights of a real model are; but for how a product of fewer rows is rounded. */
  @Test
  void madeSomeRowsAtATimeTheyAreTheSame() throws IOException {
    Map<String, float[]> whole = merged(1 << 20);
    Map<String, float[]> parts = merged(100);
    assertThat(parts.keySet()).isEqualTo(whole.keySet());
    parts.forEach(
        (name, numbers) ->
            assertThat(Fixture.distance(numbers, whole.get(name))).as(name).isLessThan(1e-6));
  }

  private static Map<String, float[]> merged(long piece) throws IOException {
    Fixture base = Adapted.of("whole").base();
    Map<String, float[]> all = new TreeMap<>();
    try (MergedWeights merged =
        MergedWeights.of(base.folder(), base.config(), Adapted.FOLDER.resolve("whole"), piece)) {
      for (Map.Entry<String, Content> weight : merged.contents().entrySet()) {
        long size = weight.getValue().shape().stream().reduce(1L, Math::multiplyExact);
        ByteBuffer bytes = ByteBuffer.allocate(4 * (int) size).order(ByteOrder.LITTLE_ENDIAN);
        weight.getValue().writeTo(bytes::put);
        float[] numbers = new float[(int) size];
        bytes.flip().asFloatBuffer().get(numbers);
        all.put(weight.getKey(), numbers);
      }
    }
    return all;
  }
}
