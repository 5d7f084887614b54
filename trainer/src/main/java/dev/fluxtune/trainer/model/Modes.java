package dev.fluxtune.trainer.model;

import ai.djl.Device;
import ai.djl.pytorch.jni.JniUtils;
import java.util.function.Supplier;

/**
 * How the library runs on this thread during a piece of tensor work: no autograd, and fusion of
 * pointwise operators on a GPU only, where it does something. Both belong to the thread, so each
 * piece sets its own and puts back what it found.
 */
public final class Modes {
  private Modes() {}

  public static <T> T during(Device device, Supplier<T> work) {
    boolean grad = JniUtils.isGradMode();
    JniUtils.setGradMode(false);
    JniUtils.setGraphExecutorOptimize(device.isGpu());
    try {
      return work.get();
    } finally {
      // The library has no way to ask for this one; on is its default and DJL's.
      JniUtils.setGraphExecutorOptimize(true);
      JniUtils.setGradMode(grad);
    }
  }
}
