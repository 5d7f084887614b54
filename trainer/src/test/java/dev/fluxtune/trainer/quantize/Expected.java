package dev.fluxtune.trainer.quantize;

import dev.fluxtune.trainer.checkpoint.SafeTensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** Odd weights and what a Python original makes of them; by tests/parity/make_quantized.py. */
public final class Expected {
  private static final Path FOLDER = Path.of("src/test/resources/quantize");

  private final SafeTensors weights = SafeTensors.read(FOLDER.resolve("weights.safetensors"));
  private final SafeTensors results = SafeTensors.read(FOLDER.resolve("expected.safetensors"));

  private Expected() {}

  public static Expected read() {
    return new Expected();
  }

  public List<String> names() {
    return List.copyOf(weights.tensors().keySet());
  }

  public List<Long> shape(String name) {
    return tensor(weights, name).shape();
  }

  /** A weight's numbers, whatever their type. */
  public float[] weight(String name) {
    return floats(weights, name);
  }

  /** The weights' file, and where it holds one. */
  public SafeTensors file() {
    return weights;
  }

  /** A result in single precision or bf16. */
  public float[] floats(String name) {
    return floats(results, name);
  }

  public byte[] bytes(String name) {
    return bytes(results, name);
  }

  private static float[] floats(SafeTensors file, String name) {
    ByteBuffer bytes = ByteBuffer.wrap(bytes(file, name)).order(ByteOrder.LITTLE_ENDIAN);
    SafeTensors.Tensor tensor = tensor(file, name);
    float[] numbers = new float[bytes.remaining() / tensor.bytesPerNumber()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] =
          switch (tensor.dtype()) {
            case "F32" -> bytes.getFloat();
            case "BF16" -> Float.intBitsToFloat(bytes.getShort() << 16);
            case "F16" -> half(bytes.getShort());
            default -> throw new IllegalArgumentException(name + " is " + tensor.dtype());
          };
    }
    return numbers;
  }

  /** Java 20 has Float.float16ToFloat. */
  private static float half(short bits) {
    int exponent = bits >> 10 & 31;
    int fraction = bits & 1023;
    float size =
        exponent == 0
            ? Math.scalb((float) fraction, -24)
            : Math.scalb((float) (fraction + 1024), exponent - 25);
    return bits < 0 ? -size : size;
  }

  private static byte[] bytes(SafeTensors file, String name) {
    SafeTensors.Tensor tensor = tensor(file, name);
    try {
      return Arrays.copyOfRange(
          Files.readAllBytes(file.file()), (int) tensor.start(), (int) tensor.end());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static SafeTensors.Tensor tensor(SafeTensors file, String name) {
    return Objects.requireNonNull(file.tensors().get(name), name);
  }
}
