package dev.fluxtune.trainer.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.fluxtune.trainer.checkpoint.SafeTensors;
import java.util.List;
import java.util.Map;

/** Makes tensors in types that DJL cannot name. Owns native memory. */
final class Tensors implements AutoCloseable {
  /** ScalarType numbers of the dtypes that weights come in. */
  static final Map<String, Integer> READABLE = Map.of("F16", 5, "F32", 6, "F64", 7, "BF16", 15);

  private final NDManager host = NDManager.newBaseManager(Device.cpu(), "PyTorch");
  private final TorchScript ops =
      TorchScript.load(host, Tensors.class, List.of("tensors.py"), Map.of());

  /** A tensor of a file, mapped, copied to the device and converted there. */
  NDArray read(NDManager owner, SafeTensors file, SafeTensors.Tensor tensor, Dtype dtype) {
    try (NDManager call = host.newSubManager();
        NDArray like = owner.create(new Shape(0))) {
      NDArray path = call.create(file.file().toAbsolutePath().toString());
      NDArray type = call.create(READABLE.get(tensor.dtype()));
      NDArray shape = call.create(tensor.shape().stream().mapToLong(Long::longValue).toArray());
      NDArray into = dtype.code(call);
      int width = tensor.bytesPerNumber();
      if (tensor.start() % width == 0) {
        NDArray numbers = call.create(file.fileBytes() / width);
        NDArray at = call.create(tensor.start() / width);
        return one(owner, "read", path, type, numbers, at, shape, like, into);
      }
      NDArray numbers = call.create(file.fileBytes());
      NDArray at = call.create(tensor.start());
      NDArray bytes = call.create(tensor.end() - tensor.start());
      return one(owner, "read_unaligned", path, type, numbers, at, bytes, shape, like, into);
    }
  }

  /** Some of a file's tensor: shape (count). */
  NDArray read(
      NDManager owner,
      SafeTensors file,
      SafeTensors.Tensor tensor,
      long at,
      long count,
      Dtype dtype) {
    int width = tensor.bytesPerNumber();
    long start = tensor.start() + at * width;
    SafeTensors.Tensor part =
        new SafeTensors.Tensor(tensor.dtype(), List.of(count), start, start + count * width);
    return read(owner, file, part, dtype);
  }

  /** {@code x} on the owner's device. */
  NDArray converted(NDManager owner, NDArray x, Dtype dtype) {
    try (NDManager call = host.newSubManager();
        NDArray like = owner.create(new Shape(0))) {
      return one(owner, "converted", x, like, dtype.code(call));
    }
  }

  /** Zeros of another's shape and device. */
  NDArray zeros(NDManager owner, NDArray like, Dtype dtype) {
    try (NDManager call = host.newSubManager()) {
      return one(owner, "zeros", like, dtype.code(call));
    }
  }

  /** As large as each of some, at least one, and on its device, with whatever lies there. */
  NDList empty(NDManager owner, List<NDArray> like, Dtype dtype) {
    try (NDManager call = host.newSubManager()) {
      return ops.call(owner, "empty", like, dtype.code(call));
    }
  }

  /** The sum of some scalars, fp64, on its way to the host: see {@link Gpu#arriving}. */
  NDArray arrivingSum(NDManager owner, List<NDArray> scalars) {
    return one(owner, "arriving_sum", scalars);
  }

  private NDArray one(NDManager owner, String method, Object... arguments) {
    return ops.call(owner, method, arguments).get(0);
  }

  @Override
  public void close() {
    ops.close();
    host.close();
  }
}
