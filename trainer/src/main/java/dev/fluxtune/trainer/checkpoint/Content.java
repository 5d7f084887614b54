package dev.fluxtune.trainer.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** A tensor that is to be written; its bytes come a piece at a time. */
public interface Content {
  /** As safetensors names it: F32, BF16, … */
  String dtype();

  List<Long> shape();

  /** Hands over the numbers, row-major, little-endian. */
  void writeTo(Sink sink) throws IOException;

  /** Takes bytes. */
  interface Sink {
    /**
     * Takes the next bytes.
     *
     * @param bytes valid during the call only
     */
    void write(ByteBuffer bytes) throws IOException;
  }
}
