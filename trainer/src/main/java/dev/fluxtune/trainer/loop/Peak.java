package dev.fluxtune.trainer.loop;

import ai.djl.Device;
import dev.fluxtune.trainer.model.Gpu;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.regex.Pattern;

/**
 * What a device can do at most: dense products in bfloat16, operations a second, as the maker's
 * data sheet has it.
 */
final class Peak {
  /** TFLOP/s by words of the name; where one holds another's, it comes first. */
  private static final Map<String, Double> KNOWN = new LinkedHashMap<>();

  static {
    KNOWN.put("GH200", 990.0);
    KNOWN.put("H200 NVL", 835.5);
    KNOWN.put("H200", 989.0);
    KNOWN.put("H100 PCIe", 756.0);
    KNOWN.put("H100 NVL", 835.5);
    KNOWN.put("H100", 989.0);
    KNOWN.put("A100", 312.0);
    KNOWN.put("L40S", 362.0);
    KNOWN.put("L4", 121.0);
    KNOWN.put("A10", 125.0);
  }

  private Peak() {}

  /** Empty on the CPU and on a card that is not known. */
  static OptionalDouble of(Device device) {
    return device.isGpu() ? ofName(Gpu.name().orElse("")) : OptionalDouble.empty();
  }

  /** By the name of a card, as NVIDIA's driver tells it. */
  static OptionalDouble ofName(String card) {
    return KNOWN.entrySet().stream()
        .filter(it -> Pattern.compile("\\b" + it.getKey() + "\\b").matcher(card).find())
        .mapToDouble(it -> it.getValue() * 1e12)
        .findFirst();
  }
}
