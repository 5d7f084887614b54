package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class GpuTest {
  @Test
  void isUsedWhereThereIsOneAndOnlyThere() {
    assertThat(Gpu.device().isGpu()).isEqualTo(Gpu.name().isPresent());
  }

  @Test
  void saysHowToGetAPyTorchThatCanUseIt() {
    assertThat(Gpu.refusal("NVIDIA H100 80GB HBM3", "2.7.1"))
        .hasMessageContainingAll(
            "NVIDIA H100 80GB HBM3",
            "pip install torch==2.7.1 ",
            "PYTORCH_FLAVOR=cu128",
            "PYTORCH_LIBRARY_PATH=",
            "CUDA_VISIBLE_DEVICES=");
  }
}
