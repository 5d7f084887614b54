package dev.fluxtune.trainer.model;

import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** What this process holds outside the heap. */
public final class NativeMemory {
  private NativeMemory() {}

  /** Arrays that the engine's managers hold, all together. */
  public static int arrays() {
    try (NDManager probe = NDManager.newBaseManager("PyTorch")) {
      return arrays(probe.getParentManager());
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(e.getMessage(), e);
    }
  }

  /** Resident memory, by /proc. */
  public static long residentBytes() {
    System.gc();
    try {
      String statm = Files.readString(Path.of("/proc/self/statm"));
      return 4096 * Long.parseLong(statm.split(" ", -1)[1]);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int arrays(NDManager manager) throws ReflectiveOperationException {
    Field field = BaseNDManager.class.getDeclaredField("resources");
    field.setAccessible(true);
    int n = 0;
    for (Object held : ((Map<?, ?>) field.get(manager)).values()) {
      if (held instanceof NDArray) {
        n++;
      } else if (held instanceof NDManager child) {
        n += arrays(child);
      }
    }
    return n;
  }
}
