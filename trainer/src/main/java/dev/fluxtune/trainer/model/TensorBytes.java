package dev.fluxtune.trainer.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.checkpoint.Content;
import dev.fluxtune.trainer.checkpoint.SafeTensors;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Tensors out to files and back in, a piece at a time: as many numbers as they may have, in types
 * that DJL cannot name, on any device. Owns native memory; one thread at a time.
 */
public final class TensorBytes implements AutoCloseable {
  private static final long PIECE = 1 << 22; // numbers

  private final NDManager host = NDManager.newBaseManager(Device.cpu(), "PyTorch");
  private final TorchScript ops =
      TorchScript.load(host, TensorBytes.class, List.of("bytes.py"), Map.of());
  private final long piece;

  public TensorBytes() {
    this(PIECE);
  }

  TensorBytes(long piece) {
    this.piece = piece;
  }

  /** Arrays as they are to be written; valid while this and they are open. */
  public Map<String, Content> of(Map<String, NDArray> arrays) {
    Map<String, Content> contents = new LinkedHashMap<>();
    arrays.forEach((name, array) -> contents.put(name, new Tensor(array, dtype(array))));
    return contents;
  }

  /**
   * Copies what files hold into arrays that are there, to the bit.
   *
   * @param files which file holds which array
   * @throws BadInputException if the two differ in a name, a shape or a type
   */
  public void read(Map<String, SafeTensors> files, Map<String, NDArray> into) {
    check(files, into);
    into.forEach((name, array) -> read(Objects.requireNonNull(files.get(name)), name, array));
  }

  private void check(Map<String, SafeTensors> files, Map<String, NDArray> into) {
    List<String> problems = new ArrayList<>();
    into.forEach(
        (name, array) -> {
          SafeTensors file = files.get(name);
          SafeTensors.Tensor found = file == null ? null : file.tensors().get(name);
          if (found == null) {
            problems.add(name + " is missing");
          } else if (!found.shape().equals(shape(array)) || !found.dtype().equals(dtype(array))) {
            problems.add(
                "%s is %s %s, this run has %s %s"
                    .formatted(name, found.dtype(), found.shape(), dtype(array), shape(array)));
          }
        });
    files.keySet().stream()
        .filter(name -> !into.containsKey(name))
        .forEach(name -> problems.add(name + " has no place in this run"));
    if (!problems.isEmpty()) {
      throw BadInputException.of(
          "the checkpoint is of a run with other settings (dtype, bf16, unfrozen_layers, another"
              + " model): go on with those it was written with",
          problems);
    }
  }

  private void read(SafeTensors file, String name, NDArray into) {
    SafeTensors.Tensor tensor = Objects.requireNonNull(file.tensors().get(name));
    int width = tensor.bytesPerNumber();
    if (tensor.start() % width != 0) {
      throw new BadInputException(
          "%s: %s is not aligned, so this program did not write it".formatted(file.file(), name));
    }
    if (tensor.end() == tensor.start()) {
      return;
    }
    Modes.during(
        into.getDevice(),
        () -> {
          try (NDManager call = host.newSubManager()) {
            return ops.call(
                call,
                "read_into",
                into,
                call.create(file.file().toAbsolutePath().toString()),
                call.create(file.fileBytes() / width),
                call.create(tensor.start() / width));
          }
        });
  }

  private String dtype(NDArray array) {
    try (NDManager call = host.newSubManager()) {
      int code = ops.call(call, "dtype", array).get(0).getInt();
      return Tensors.READABLE.entrySet().stream()
          .filter(dtype -> dtype.getValue() == code)
          .map(Map.Entry::getKey)
          .findFirst()
          .orElseThrow(
              () -> new IllegalArgumentException("no tensor of type " + code + " is kept"));
    }
  }

  private static List<Long> shape(NDArray array) {
    return Arrays.stream(array.getShape().getShape()).boxed().toList();
  }

  @Override
  public void close() {
    ops.close();
    host.close();
  }

  private final class Tensor implements Content {
    private final NDArray array;
    private final String dtype;

    Tensor(NDArray array, String dtype) {
      this.array = array;
      this.dtype = dtype;
    }

    @Override
    public String dtype() {
      return dtype;
    }

    @Override
    public List<Long> shape() {
      return TensorBytes.shape(array);
    }

    @Override
    public void writeTo(Sink sink) throws IOException {
      for (long at = 0; at < array.size(); at += piece) {
        long count = Math.min(piece, array.size() - at);
        try (NDManager call = host.newSubManager()) {
          NDArray bytes =
              ops.call(call, "bytes", array, call.create(at), call.create(count)).get(0);
          sink.write(bytes.toByteBuffer(true)); // a view; freed with the array
        }
      }
    }
  }
}
