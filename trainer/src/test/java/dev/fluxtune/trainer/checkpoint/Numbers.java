package dev.fluxtune.trainer.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** A tensor that is its bytes. */
class Numbers implements Content {
  private final String dtype;
  private final List<Long> shape;
  private final byte[] bytes;

  Numbers(String dtype, List<Long> shape, byte[] bytes) {
    this.dtype = dtype;
    this.shape = shape;
    this.bytes = bytes;
  }

  @Override
  public String dtype() {
    return dtype;
  }

  @Override
  public List<Long> shape() {
    return shape;
  }

  @Override
  public void writeTo(Sink sink) throws IOException {
    int half = bytes.length / 2;
    sink.write(ByteBuffer.wrap(bytes, 0, half));
    sink.write(ByteBuffer.wrap(bytes, half, bytes.length - half));
  }
}
