package dev.fluxtune.trainer.quantize;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.model.Quantizer;
import dev.fluxtune.trainer.model.TorchScript;
import java.util.List;
import java.util.Map;

/** Makes the codes of one form on one device. Owns native memory; one thread at a time. */
final class Codes implements Quantizer, AutoCloseable {
  static final int BLOCK = 64;
  static final int NESTED_BLOCK = 256;

  /**
   * Numbers that are in memory in single precision at once: 4 MiB, and as much again four times.
   */
  private static final long PART = 1 << 20;

  private final Quantization form;
  private final long part;
  private final NDManager host;
  private final NDManager device;
  private final TorchScript ops;
  private final NDArray middles;
  private final NDArray nestedMiddles;

  Codes(Quantization form, Device device) {
    this(form, device, PART);
  }

  /**
   * @param part numbers at once, a multiple of {@link #BLOCK}
   */
  Codes(Quantization form, Device device, long part) {
    this.form = form;
    this.part = part;
    this.host = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    this.device = NDManager.newBaseManager(device, "PyTorch");
    this.ops = TorchScript.load(host, Codes.class, List.of("quantize.py"), Map.of());
    this.middles = this.device.create(Tables.middles(Tables.nf4()));
    this.nestedMiddles = this.device.create(Tables.middles(Tables.dynamic()));
  }

  @Override
  public boolean takes(String name) {
    return Quantization.takes(name);
  }

  @Override
  public NDList quantize(NDManager owner, String what, List<Long> shape, Numbers numbers) {
    NDList codes =
        form == Quantization.INT8
            ? rows(owner, shape.get(0), shape.get(1), numbers)
            : blocks(owner, shape.get(0) * shape.get(1), numbers);
    try (NDManager call = host.newSubManager()) {
      NDArray absmax = codes.get(1);
      if (!ops.call(call, "finite", absmax).get(0).getBoolean()) {
        throw new BadInputException(
            what
                + " holds infinity or NaN, which no code stands for: fetch the model again, or leave"
                + " load_in_8bit and load_in_4bit out");
      }
      if (form == Quantization.NF4_NESTED) {
        NDList nested = ops.call(owner, "nested", absmax, nestedMiddles);
        absmax.close();
        return new NDList(codes.get(0), nested.get(0), nested.get(1));
      }
      return codes;
    }
  }

  @Override
  public NDList tables(NDManager owner) {
    return switch (form) {
      case INT8 -> new NDList();
      case NF4 -> new NDList(owner.create(Tables.nf4Pairs(), new Shape(256, 2)));
      case NF4_NESTED ->
          new NDList(
              owner.create(Tables.nf4Pairs(), new Shape(256, 2)), owner.create(Tables.dynamic()));
    };
  }

  private NDList rows(NDManager owner, long rows, long columns, Numbers numbers) {
    NDArray codes = owner.create(new Shape(rows, columns), DataType.INT8);
    NDArray absmax = owner.create(new Shape(rows), DataType.FLOAT32);
    long atOnce = Math.max(1, part / columns);
    for (long row = 0; row < rows; row += atOnce) {
      try (NDManager call = host.newSubManager();
          NDManager there = device.newSubManager()) {
        NDArray x = numbers.read(there, row * columns, Math.min(atOnce, rows - row) * columns);
        ops.call(there, "int8", x, call.create(row), codes, absmax);
      }
    }
    return new NDList(codes, absmax);
  }

  private NDList blocks(NDManager owner, long count, Numbers numbers) {
    long blocks = parts(count, BLOCK);
    NDArray codes = owner.create(new Shape(blocks * BLOCK / 2), DataType.UINT8);
    NDArray absmax = owner.create(new Shape(blocks), DataType.FLOAT32);
    for (long at = 0; at < count; at += part) {
      try (NDManager call = host.newSubManager();
          NDManager there = device.newSubManager()) {
        NDArray x = numbers.read(there, at, Math.min(part, count - at));
        ops.call(there, "nf4", x, call.create(at / BLOCK), middles, codes, absmax);
      }
    }
    return new NDList(codes, absmax);
  }

  static long parts(long count, int size) {
    return (count + size - 1) / size;
  }

  @Override
  public void close() {
    ops.close();
    host.close();
    device.close();
  }
}
