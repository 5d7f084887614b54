package dev.fluxtune.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PeakTest {
  @ParameterizedTest
  @CsvSource({
    "NVIDIA H100 80GB HBM3, 989e12",
    "NVIDIA H100 PCIe, 756e12",
    "NVIDIA A100-SXM4-80GB, 312e12",
    "NVIDIA L4, 121e12"
  })
  void isThatOfTheCard(String name, double expected) {
    assertThat(Peak.ofName(name)).hasValue(expected);
  }

  @ParameterizedTest
  @CsvSource({"NVIDIA L40", "NVIDIA A10G", "Quadro RTX 4000", "''"})
  void isUnknownForOtherCards(String name) {
    assertThat(Peak.ofName(name)).isEmpty();
  }

  @Test
  void isUnknownOnTheCpu() {
    assertThat(Peak.of(Device.cpu())).isEmpty();
  }
}
