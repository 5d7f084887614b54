package dev.fluxtune.trainer.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.model.NativeMemory;
import dev.fluxtune.trainer.model.Quantizer;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Codes and what scales them, to the bit those of tests/parity/make_quantized.py. */
class CodesTest {
  private static final Expected EXPECTED = Expected.read();

  static List<String> names() {
    return EXPECTED.names();
  }

  @Test
  void theConstantsAreThoseOfTheOriginal() {
    assertThat(Tables.nf4()).isEqualTo(EXPECTED.floats("nf4"));
    assertThat(Tables.dynamic()).isEqualTo(EXPECTED.floats("dynamic"));
    float[] pairs = Tables.nf4Pairs();
    assertThat(pairs[2 * 0x7f]).isEqualTo(0f);
    assertThat(pairs[2 * 0x7f + 1]).isEqualTo(1f);
  }

  @ParameterizedTest
  @MethodSource("names")
  void fourBitsAreThoseOfTheOriginal(String name) {
    try (Made made = new Made(Quantization.NF4, name, 1 << 20)) {
      assertThat(Arrays.copyOf(made.bytes(0), EXPECTED.bytes(name + ".nf4.codes").length))
          .isEqualTo(EXPECTED.bytes(name + ".nf4.codes"));
      assertThat(made.floats(1)).isEqualTo(EXPECTED.floats(name + ".nf4.absmax"));
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void doubleQuantizationIsThatOfTheOriginal(String name) {
    try (Made made = new Made(Quantization.NF4_NESTED, name, 1 << 20)) {
      byte[] codes = EXPECTED.bytes(name + ".nested.codes");
      assertThat(Arrays.copyOf(made.bytes(1), codes.length)).isEqualTo(codes);
      float[] scales = made.floats(2);
      assertThat(Arrays.copyOf(scales, scales.length - 1))
          .isEqualTo(EXPECTED.floats(name + ".nested.absmax"));
      assertThat(scales[scales.length - 1]).isEqualTo(EXPECTED.floats(name + ".nested.mean")[0]);
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void eightBitsAreThoseOfTheOriginal(String name) {
    try (Made made = new Made(Quantization.INT8, name, 1 << 20)) {
      assertThat(made.bytes(0)).isEqualTo(EXPECTED.bytes(name + ".int8.codes"));
      assertThat(made.floats(1)).isEqualTo(EXPECTED.floats(name + ".int8.absmax"));
    }
  }

  @Test
  void aWeightReadInSmallPartsGetsTheSameCodes() {
    for (Quantization form : Quantization.values()) {
      try (Made whole = new Made(form, "many", 1 << 20);
          Made parts = new Made(form, "many", 192)) {
        assertThat(parts.reads).isGreaterThan(80);
        assertThat(parts.largestRead).isLessThanOrEqualTo(192);
        for (int i = 0; i < whole.codes.size(); i++) {
          assertThat(parts.codes.get(i)).isEqualTo(whole.codes.get(i));
        }
      }
    }
  }

  @Test
  void aWeightTakesTheBytesThatWereForetold() {
    for (String name : names()) {
      List<Long> shape = EXPECTED.shape(name);
      for (Quantization form : Quantization.values()) {
        try (Made made = new Made(form, name, 1 << 20)) {
          long bytes =
              made.codes.stream().mapToLong(a -> a.size() * a.getDataType().getNumOfBytes()).sum();
          assertThat(bytes).as(name).isEqualTo(form.bytes(shape.get(0), shape.get(1)));
        }
      }
    }
  }

  @Test
  void numbersThatAreNotFiniteAreRefusedByName() {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      float[] numbers = new float[200];
      Arrays.fill(numbers, 0.5f);
      numbers[130] = bad;
      for (Quantization form : Quantization.values()) {
        try (NDManager owner = NDManager.newBaseManager(Device.cpu(), "PyTorch");
            Codes codes = new Codes(form, Device.cpu(), 64)) {
          assertThatThrownBy(
                  () ->
                      codes.quantize(owner, "up_proj in some file", List.of(2L, 100L), of(numbers)))
              .isInstanceOf(BadInputException.class)
              .hasMessageContaining("up_proj in some file holds infinity or NaN");
        }
      }
    }
  }

  @Test
  void everythingMadeOnTheWayIsFreed() {
    int before = NativeMemory.arrays();
    for (Quantization form : Quantization.values()) {
      try (Made made = new Made(form, "many", 192)) {
        // The parts, and in Codes the two rows of middles.
        assertThat(NativeMemory.arrays() - before).isEqualTo(made.codes.size() + 2);
      }
    }
    assertThat(NativeMemory.arrays()).isEqualTo(before);
  }

  private static Quantizer.Numbers of(float[] numbers) {
    return (owner, at, count) ->
        owner.create(Arrays.copyOfRange(numbers, (int) at, (int) (at + count)));
  }

  /** A weight of the fixture, quantized. */
  private static final class Made implements AutoCloseable {
    private final NDManager owner = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    private final Codes by;
    private final NDList codes;
    private int reads;
    private long largestRead;

    Made(Quantization form, String name, long part) {
      by = new Codes(form, Device.cpu(), part);
      Quantizer.Numbers numbers = of(EXPECTED.weight(name));
      codes =
          by.quantize(
              owner,
              name,
              EXPECTED.shape(name),
              (to, at, count) -> {
                reads++;
                largestRead = Math.max(largestRead, count);
                return numbers.read(to, at, count);
              });
    }

    byte[] bytes(int i) {
      return codes.get(i).toByteArray();
    }

    float[] floats(int i) {
      NDArray array = codes.get(i);
      return array.toFloatArray();
    }

    @Override
    public void close() {
      by.close();
      owner.close();
    }
  }
}
