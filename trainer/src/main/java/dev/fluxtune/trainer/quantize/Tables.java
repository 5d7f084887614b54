package dev.fluxtune.trainer.quantize;

import java.util.Arrays;

/** The constants that codes stand for. */
final class Tables {
  /** NormalFloat4: quantiles of the normal distribution (QLoRA, appendix E). */
  private static final float[] NF4 = {
    -1f, -0.6961928f, -0.52507305f, -0.3949175f, -0.28444138f, -0.18477343f, -0.091050036f, 0f,
    0.0795803f, 0.1609302f, 0.2461123f, 0.33791524f, 0.44070983f, 0.562617f, 0.72295684f, 1f
  };

  private Tables() {}

  /** The 16 constants, ascending. */
  static float[] nf4() {
    return NF4.clone();
  }

  /** The two numbers that each byte stands for: shape (256, 2). */
  static float[] nf4Pairs() {
    float[] pairs = new float[512];
    for (int code = 0; code < 256; code++) {
      pairs[2 * code] = NF4[code >> 4];
      pairs[2 * code + 1] = NF4[code & 15];
    }
    return pairs;
  }

  /**
   * The 256 constants of 8-bit dynamic quantization, ascending: of each power of ten from 1e-6 to 1
   * the middles of 1, 2, 4, … 64 equal parts of [0.1, 1], with both signs, and 0 and 1.
   *
   * <p>To the bit those of bitsandbytes ({@code create_dynamic_map}) on a processor whose {@code
   * torch.linspace} multiplies and adds in one rounding: every one with AVX2.
   */
  static float[] dynamic() {
    float[] values = new float[256];
    int n = 0;
    values[n++] = 0;
    values[n++] = 1;
    for (int power = 0; power < 7; power++) {
      float scale = (float) Math.pow(10, power - 6);
      int parts = 1 << power;
      for (int part = 0; part < parts; part++) {
        float middle = (end(part, parts) + end(part + 1, parts)) / 2;
        values[n++] = scale * middle;
        values[n++] = -scale * middle;
      }
    }
    Arrays.sort(values);
    return values;
  }

  /** The k-th end of n equal parts of [0.1, 1], counted from the nearer side. */
  private static float end(int k, int n) {
    float step = (1f - 0.1f) / n;
    return 2 * k < n ? Math.fma(step, (float) k, 0.1f) : Math.fma(-step, (float) (n - k), 1f);
  }

  /** Where one constant gives way to the next: one fewer than there are constants. */
  static float[] middles(float[] table) {
    float[] middles = new float[table.length - 1];
    for (int i = 0; i < middles.length; i++) {
      middles[i] = (table[i] + table[i + 1]) / 2;
    }
    return middles;
  }
}
