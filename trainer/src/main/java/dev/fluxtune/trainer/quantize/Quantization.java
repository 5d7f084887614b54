package dev.fluxtune.trainer.quantize;

import ai.djl.Device;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.Weights;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Optional;
import java.util.function.Function;

/**
 * The forms in which the frozen weights of a layer's seven products can lie in memory. Embedding,
 * norms, biases and head stay as they are. Products are in the type of the other weights: a weight
 * is turned back for each of its products and freed after it.
 *
 * <p>Codes, blocks and constants are those of bitsandbytes. Activations are not quantized in any of
 * them, so there is no outlier to hold back: LLM.int8's threshold has no meaning here.
 */
public enum Quantization {
  /** {@code load_in_8bit}: of each row the largest magnitude, and 127ths of it. */
  INT8,
  /** {@code load_in_4bit}: NormalFloat4 in blocks of 64, a magnitude in single precision each. */
  NF4,
  /** {@code use_bnb_nested_quant} with it: these magnitudes in 8 bits, in blocks of 256. */
  NF4_NESTED;

  /**
   * What a configuration asks for.
   *
   * @param quantType {@code bnb_4bit_quant_type}
   * @return empty if the weights stay as they are
   * @throws BadInputException if it asks for something that is not supported
   */
  public static Optional<Quantization> of(
      boolean loadIn8bit, boolean loadIn4bit, String quantType, boolean nested) {
    if (loadIn8bit && loadIn4bit) {
      throw new BadInputException(
          "load_in_8bit and load_in_4bit are both set: a weight has one form, leave one of them out");
    }
    if (loadIn8bit) {
      return Optional.of(INT8);
    }
    if (!loadIn4bit) {
      return Optional.empty();
    }
    if (!quantType.equals("nf4")) {
      throw new BadInputException(
          "bnb_4bit_quant_type: %s is not supported; nf4 is (the default, and the more exact one)"
              .formatted(quantType));
    }
    return Optional.of(nested ? NF4_NESTED : NF4);
  }

  /**
   * Reads a model's weights as {@link Weights#read(Path, ModelConfig, Collection, Device, Dtype)}
   * does, those of the products into this form: a part of a tensor at a time, so that host memory
   * never holds a whole one.
   *
   * @throws BadInputException also if a weight is not finite
   */
  public Weights read(
      Path folder, ModelConfig config, Collection<String> names, Device device, Dtype dtype) {
    return with(device, codes -> Weights.read(folder, config, names, device, dtype, codes));
  }

  /** An untrained model's weights in this form, for measurements. */
  public Weights random(
      ModelConfig config, Collection<String> names, long seed, Device device, Dtype dtype) {
    return with(device, codes -> Weights.random(config, names, seed, device, dtype, codes));
  }

  private Weights with(Device device, Function<Codes, Weights> make) {
    try (Codes codes = new Codes(this, device)) {
      return make.apply(codes);
    }
  }

  /** Of a number's code. */
  public int bits() {
    return this == INT8 ? 8 : 4;
  }

  /** What the codes are, for people. */
  public String text() {
    return switch (this) {
      case INT8 -> "shares of each row's largest";
      case NF4 -> "nf4 in blocks of 64";
      case NF4_NESTED -> "nf4 in blocks of 64, whose scales are in 8 bits";
    };
  }

  /** Whether the weight of this name is one of a layer's seven products. */
  public static boolean takes(String name) {
    return name.endsWith("_proj.weight");
  }

  /** The bytes that a weight takes: its codes and what scales them. */
  public long bytes(long rows, long columns) {
    long numbers = Math.multiplyExact(rows, columns);
    long blocks = Codes.parts(numbers, Codes.BLOCK);
    long nested = Codes.parts(blocks, Codes.NESTED_BLOCK);
    return switch (this) {
      case INT8 -> numbers + 4 * rows;
      case NF4 -> blocks * (Codes.BLOCK / 2 + 4);
      case NF4_NESTED -> blocks * Codes.BLOCK / 2 + nested * (Codes.NESTED_BLOCK + 4) + 4;
    };
  }
}
