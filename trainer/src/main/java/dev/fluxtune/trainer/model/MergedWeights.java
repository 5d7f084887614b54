package dev.fluxtune.trainer.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.fluxtune.trainer.adapter.AdapterFolder;
import dev.fluxtune.trainer.adapter.Lora;
import dev.fluxtune.trainer.checkpoint.Content;
import dev.fluxtune.trainer.checkpoint.SafeTensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * The weights of a model with adapters merged into them, each in the base's own type: W + scaling ·
 * B A. They are made while they are written, some rows at a time, so that little of them is ever in
 * memory. Owns native memory; one thread at a time.
 */
public final class MergedWeights implements AutoCloseable {
  private static final long PIECE = 1 << 22; // numbers

  private final NDManager host = NDManager.newBaseManager(Device.cpu(), "PyTorch");
  private final TorchScript ops =
      TorchScript.load(host, MergedWeights.class, List.of("merge.py"), Map.of());
  private final Map<String, Content> contents = new LinkedHashMap<>();
  private final AdapterFolder adapter;
  private final long piece;

  private MergedWeights(AdapterFolder adapter, long piece) {
    this.adapter = adapter;
    this.piece = piece;
  }

  /**
   * Opens both; no weight is read yet.
   *
   * @throws dev.fluxtune.schemas.BadInputException if the base is damaged, or the adapter is of
   *     another or of a kind that is not supported
   */
  public static MergedWeights of(Path base, ModelConfig config, Path adapter) {
    return of(base, config, adapter, PIECE);
  }

  static MergedWeights of(Path base, ModelConfig config, Path adapter, long piece) {
    WeightFiles files = WeightFiles.find(base, config);
    MergedWeights merged = new MergedWeights(AdapterFolder.read(adapter, config.shapes()), piece);
    files.forEach((name, file) -> merged.contents.put(name, merged.content(name, file)));
    return merged;
  }

  private Content content(String name, SafeTensors file) {
    SafeTensors.Tensor base = WeightFiles.tensor(file, name);
    if (adapter.lora().saved().contains(name)) {
      return new Weight(adapter.file(), adapter.tensor(name), base.dtype());
    }
    Optional<String> module = adapter.lora().adapted(name);
    return module.isPresent()
        ? new Sum(file, base, module.get())
        : new Weight(file, base, base.dtype());
  }

  /** The adapters. */
  public Lora lora() {
    return adapter.lora();
  }

  /** The weights in the order of the model, as they are to be written; valid while this is open. */
  public Map<String, Content> contents() {
    return Collections.unmodifiableMap(contents);
  }

  @Override
  public void close() {
    ops.close();
    host.close();
  }

  /** Hands over the bytes that a method makes. */
  private void write(Content.Sink sink, NDManager call, String method, Object... arguments)
      throws IOException {
    NDArray bytes = Modes.during(Device.cpu(), () -> ops.call(call, method, arguments).get(0));
    sink.write(bytes.toByteBuffer(true));
  }

  private static NDArray code(NDManager call, String dtype) {
    return call.create(Objects.requireNonNull(Tensors.READABLE.get(dtype)));
  }

  /** A tensor of a file, in a type that may be another. */
  private final class Weight implements Content {
    private final SafeTensors file;
    private final SafeTensors.Tensor tensor;
    private final String dtype;

    Weight(SafeTensors file, SafeTensors.Tensor tensor, String dtype) {
      this.file = file;
      this.tensor = tensor;
      this.dtype = dtype;
    }

    @Override
    public String dtype() {
      return dtype;
    }

    @Override
    public List<Long> shape() {
      return tensor.shape();
    }

    @Override
    public void writeTo(Sink sink) throws IOException {
      long step = piece * tensor.bytesPerNumber();
      for (long at = tensor.start(); at < tensor.end(); at += step) {
        try (NDManager call = host.newSubManager()) {
          write(
              sink,
              call,
              "converted",
              call.create(file.file().toAbsolutePath().toString()),
              call.create(file.fileBytes()),
              call.create(new long[] {at, Math.min(at + step, tensor.end())}),
              code(call, tensor.dtype()),
              code(call, dtype));
        }
      }
    }
  }

  /** A weight and its adapter. */
  private final class Sum implements Content {
    private final SafeTensors file;
    private final SafeTensors.Tensor base;
    private final String module;

    Sum(SafeTensors file, SafeTensors.Tensor base, String module) {
      this.file = file;
      this.base = base;
      this.module = module;
    }

    @Override
    public String dtype() {
      return base.dtype();
    }

    @Override
    public List<Long> shape() {
      return base.shape();
    }

    @Override
    public void writeTo(Sink sink) throws IOException {
      long rows = base.shape().get(0);
      long step = Math.max(1, piece / base.shape().get(1));
      long rowBytes = base.shape().get(1) * base.bytesPerNumber();
      try (NDManager whole = host.newSubManager();
          Tensors tensors = new Tensors()) {
        NDArray a = read(tensors, whole, Lora.a(module));
        NDArray b = read(tensors, whole, Lora.b(module));
        for (long row = 0; row < rows; row += step) {
          long end = Math.min(row + step, rows);
          try (NDManager call = whole.newSubManager()) {
            write(
                sink,
                call,
                "merged",
                call.create(file.file().toAbsolutePath().toString()),
                call.create(file.fileBytes()),
                call.create(
                    new long[] {base.start() + row * rowBytes, base.start() + end * rowBytes}),
                code(call, base.dtype()),
                call.create(row),
                call.create(end - row),
                a,
                b,
                call.create(adapter.lora().scaling()));
          }
        }
      }
    }

    private NDArray read(Tensors tensors, NDManager owner, String name) {
      return Modes.during(
          Device.cpu(),
          () -> tensors.read(owner, adapter.file(), adapter.tensor(name), Dtype.FLOAT32));
    }
  }
}
