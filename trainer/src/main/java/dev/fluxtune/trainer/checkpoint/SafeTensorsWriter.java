package dev.fluxtune.trainer.checkpoint;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * Writes safetensors, byte for byte as the reference does: wide numbers first, so that all are
 * aligned, then by name.
 */
final class SafeTensorsWriter {
  private static final int ALIGNMENT = 8;

  private SafeTensorsWriter() {}

  /** The bytes of the tensors alone. */
  static long dataBytes(Content tensor) {
    long bytes = SafeTensors.bytesOf(tensor.dtype());
    for (long n : tensor.shape()) {
      bytes = Math.multiplyExact(bytes, n);
    }
    return bytes;
  }

  static Disk.Body body(Map<String, Content> tensors) {
    List<Map.Entry<String, Content>> ordered =
        tensors.entrySet().stream()
            .sorted(
                Comparator.comparingInt(
                        (Map.Entry<String, Content> e) ->
                            -SafeTensors.bytesOf(e.getValue().dtype()))
                    .thenComparing(e -> e.getValue().dtype())
                    .thenComparing(Map.Entry::getKey))
            .toList();
    return sink -> {
      sink.write(header(ordered));
      for (Map.Entry<String, Content> tensor : ordered) {
        long[] left = {dataBytes(tensor.getValue())};
        tensor
            .getValue()
            .writeTo(
                bytes -> {
                  left[0] -= bytes.remaining();
                  sink.write(bytes);
                });
        if (left[0] != 0) {
          throw new IllegalStateException(
              tensor.getKey() + ": " + left[0] + " bytes fewer than its shape has");
        }
      }
    };
  }

  /** The length of the header, then the header, filled up with blanks. */
  private static ByteBuffer header(List<Map.Entry<String, Content>> ordered) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.putObject("__metadata__").put("format", "pt"); // transformers wants it
    long at = 0;
    for (Map.Entry<String, Content> entry : ordered) {
      Content tensor = entry.getValue();
      ObjectNode node = json.putObject(entry.getKey()).put("dtype", tensor.dtype());
      ArrayNode shape = node.putArray("shape");
      tensor.shape().forEach(shape::add);
      node.putArray("data_offsets").add(at).add(at + dataBytes(tensor));
      at += dataBytes(tensor);
    }
    byte[] text = json.toString().getBytes(StandardCharsets.UTF_8);
    int length = (text.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    ByteBuffer header = ByteBuffer.allocate(8 + length).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(length).put(text);
    while (header.hasRemaining()) {
      header.put((byte) ' ');
    }
    return header.flip();
  }
}
