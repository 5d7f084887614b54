package dev.fluxtune.trainer.model;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.engine.StandardCapabilities;
import ai.djl.ndarray.NDArray;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import dev.fluxtune.schemas.BadInputException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.DoubleSupplier;

/**
 * The first graphics card, as NVIDIA's driver tells of it.
 *
 * <p>DJL asks CUDA's runtime library instead, by a file name that PyTorch's own copy of it does not
 * have; the driver is wherever a card is.
 */
public final class Gpu {
  private static final Optional<NativeLibrary> DRIVER = driver();

  private Gpu() {}

  private static Optional<NativeLibrary> driver() {
    try {
      NativeLibrary library =
          NativeLibrary.getInstance(Platform.isWindows() ? "nvcuda" : "libcuda.so.1");
      return succeeds(library, "cuInit", 0) ? Optional.of(library) : Optional.empty();
    } catch (UnsatisfiedLinkError e) {
      return Optional.empty();
    }
  }

  private static boolean succeeds(NativeLibrary library, String function, Object... arguments) {
    return library.getFunction(function).invokeInt(arguments) == 0;
  }

  /**
   * Where tensors live: on the card if PyTorch can use one, else in the machine's memory.
   *
   * @throws BadInputException if there is a card and the PyTorch in use cannot use it
   */
  public static Device device() {
    Engine engine = Engine.getEngine("PyTorch");
    if (engine.hasCapability(StandardCapabilities.CUDA)) {
      return Device.gpu();
    }
    Optional<String> card = name();
    if (card.isPresent()) {
      throw refusal(card.get(), engine.getVersion());
    }
    return Device.cpu();
  }

  static BadInputException refusal(String card, String version) {
    return new BadInputException(
        """
        this machine has a GPU (%s), and the PyTorch in use has no CUDA for it
          to train on it, install PyTorch %2$s with CUDA 12.8 beside this program and name its folder:
            pip install torch==%2$s --index-url https://download.pytorch.org/whl/cu128
            export PYTORCH_FLAVOR=cu128 PYTORCH_LIBRARY_PATH=.../site-packages/torch/lib
          to train on the CPU: export CUDA_VISIBLE_DEVICES="""
            .formatted(card, version));
  }

  /** What the maker calls it; empty where there is none. */
  public static Optional<String> name() {
    byte[] name = new byte[256];
    return DRIVER
        .filter(it -> succeeds(it, "cuDeviceGetName", name, name.length, 0))
        .map(it -> new String(name, StandardCharsets.UTF_8).trim()); // what follows is zeros
  }

  /** The memory that it has. */
  public static OptionalLong totalBytes() {
    long[] all = new long[1];
    return DRIVER.isPresent() && succeeds(DRIVER.get(), "cuDeviceTotalMem_v2", all, 0)
        ? OptionalLong.of(all[0])
        : OptionalLong.empty();
  }

  /** Memory in use on the card that this thread works on, by other programs too. */
  public static OptionalLong usedBytes() {
    long[] free = new long[1];
    long[] all = new long[1];
    return DRIVER.isPresent() && succeeds(DRIVER.get(), "cuMemGetInfo_v2", free, all)
        ? OptionalLong.of(all[0] - free[0])
        : OptionalLong.empty();
  }

  /**
   * Reads a number that is on its way from the device to the host. To be asked for once: that waits
   * for what the device was given until now, and for nothing that it is given later, as PyTorch
   * itself would.
   *
   * @param number a scalar on the host, fp64; closed when it was read
   */
  public static DoubleSupplier arriving(Device from, NDArray number) {
    DoubleSupplier read =
        () -> {
          try (number) {
            return number.getDouble();
          }
        };
    if (!from.isGpu()) {
      return read;
    }
    Pointer[] event = new Pointer[1];
    check("cuEventCreate", event, 3); // sleeps while it waits, takes no time
    check("cuEventRecord", event[0], Pointer.NULL); // on the stream that PyTorch works in
    return () -> {
      check("cuEventSynchronize", event[0]);
      check("cuEventDestroy_v2", event[0]);
      return read.getAsDouble();
    };
  }

  private static void check(String function, Object... arguments) {
    int code = DRIVER.orElseThrow().getFunction(function).invokeInt(arguments);
    if (code != 0) {
      throw new EngineException("CUDA error " + code + " by " + function);
    }
  }

  /** Whether a device's memory did not suffice. */
  public static boolean outOfMemory(EngineException failure) {
    String message = String.valueOf(failure.getMessage());
    return message.contains("out of memory")
        || message.contains("allocate memory")
        || message.contains("STATUS_ALLOC_FAILED"); // of cuBLAS and cuDNN
  }
}
