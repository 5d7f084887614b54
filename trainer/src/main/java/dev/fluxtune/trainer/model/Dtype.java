package dev.fluxtune.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/**
 * The types that weights and gradients run in. DJL must never hear of bf16: it would end the JVM.
 */
public enum Dtype {
  FLOAT32(6, 4),
  BFLOAT16(15, 2);

  private final int scalarType;
  private final int bytes;

  Dtype(int scalarType, int bytes) {
    this.scalarType = scalarType;
    this.bytes = bytes;
  }

  /** Of a number. */
  public int bytes() {
    return bytes;
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
