package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.engine.EngineException;
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

  @Test
  void knowsMemoryThatDoesNotSufficeByWhatEachLibrarySays() {
    for (String said :
        new String[] {
          "CUDA out of memory. Tried to allocate 1 GiB",
          "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
          "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
          "DefaultCPUAllocator: can't allocate memory"
        }) {
      assertThat(Gpu.outOfMemory(new EngineException(said))).as(said).isTrue();
    }
    assertThat(Gpu.outOfMemory(new EngineException("CUDA error: an illegal address"))).isFalse();
  }
}
