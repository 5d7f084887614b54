package dev.fluxtune.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.List;

/** Puts frozen weights into fewer bits while they are read. One thread at a time. */
public interface Quantizer {
  /** Leaves all weights as they are. */
  Quantizer NONE =
      new Quantizer() {
        @Override
        public boolean takes(String name) {
          return false;
        }

        @Override
        public NDList quantize(NDManager owner, String what, List<Long> shape, Numbers numbers) {
          throw new IllegalStateException(what + " is not to be quantized");
        }

        @Override
        public NDList tables(NDManager owner) {
          return new NDList();
        }
      };

  /** A weight's numbers, row-major, a part at a time. */
  interface Numbers {
    /** {@code count} numbers from number {@code at}: shape (count), single precision. */
    NDArray read(NDManager owner, long at, long count);
  }

  /** Whether the weight of this name is quantized: a layer's products' alone may be. */
  boolean takes(String name);

  /**
   * Quantizes a weight.
   *
   * @param owner where the result goes, and on which device
   * @param what the weight, for a message
   * @param shape rows and columns
   * @return the codes, then what scales them; {@code weight} in llama.py turns them back
   */
  NDList quantize(NDManager owner, String what, List<Long> shape, Numbers numbers);

  /** What the codes of all weights stand for, as {@code weight} takes it; may be empty. */
  NDList tables(NDManager owner);
}
