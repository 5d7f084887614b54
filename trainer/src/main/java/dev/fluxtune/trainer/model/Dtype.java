package dev.fluxtune.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/**
 * The types that weights and gradients run in. DJL must never hear of bf16: it would end the JVM.
 */
public enum Dtype {
  FLOAT32(6),
  BFLOAT16(15);

  private final int scalarType;

  Dtype(int scalarType) {
    this.scalarType = scalarType;
  }

  /** The ScalarType number that the TorchScript sources take. */
  int scalarType() {
    return scalarType;
  }

  /** The same as an array. */
  NDArray code(NDManager host) {
    return host.create(scalarType);
  }
}
