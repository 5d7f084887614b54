package dev.fluxtune.trainer.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a safetensors file holds and where: its header, every length and offset checked. The data is
 * not read.
 *
 * @param fileBytes the size of the file
 * @param tensors by name, in the order of their data
 * @param metadata the strings under {@code __metadata__}
 */
public record SafeTensors(
    Path file, long fileBytes, Map<String, Tensor> tensors, Map<String, String> metadata) {

  /** Longer headers are refused, as the reference reader does. */
  private static final long MAX_HEADER_BYTES = 100_000_000;

  private static final Map<String, Integer> BYTES_OF =
      Map.ofEntries(
          Map.entry("BOOL", 1),
          Map.entry("U8", 1),
          Map.entry("I8", 1),
          Map.entry("F8_E5M2", 1),
          Map.entry("F8_E4M3", 1),
          Map.entry("I16", 2),
          Map.entry("U16", 2),
          Map.entry("F16", 2),
          Map.entry("BF16", 2),
          Map.entry("I32", 4),
          Map.entry("U32", 4),
          Map.entry("F32", 4),
          Map.entry("I64", 8),
          Map.entry("U64", 8),
          Map.entry("F64", 8));

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /**
   * One tensor of the file.
   *
   * @param dtype as the format names it: F32, BF16, …
   * @param start the first byte of its data, from the start of the file
   * @param end the byte after its last
   */
  public record Tensor(String dtype, List<Long> shape, long start, long end) {
    public int bytesPerNumber() {
      return bytesOf(dtype);
    }
  }

  /** The size of a number of a dtype that {@link #read} lets through. */
  static int bytesOf(String dtype) {
    Integer bytes = BYTES_OF.get(dtype);
    if (bytes == null) {
      throw new IllegalArgumentException("no dtype of safetensors: " + dtype);
    }
    return bytes;
  }

  /**
   * Reads and checks the header.
   *
   * @throws BadInputException if the file is no whole safetensors file
   */
  public static SafeTensors read(Path file) {
    try (FileChannel channel = FileChannel.open(file)) {
      long size = channel.size();
      ByteBuffer prefix = whole(channel, ByteBuffer.allocate((int) Math.min(8, size)));
      if (size < 8) {
        throw damaged(file, "it has %d bytes, its header's length alone takes 8".formatted(size));
      }
      long length = prefix.order(ByteOrder.LITTLE_ENDIAN).getLong(0);
      if (length < 0 || length > MAX_HEADER_BYTES || length > size - 8) {
        throw damaged(
            file,
            "its header claims %s bytes, of %d that follow (100 MB at most)"
                .formatted(Long.toUnsignedString(length), size - 8));
      }
      byte[] header = whole(channel, ByteBuffer.allocate((int) length)).array();
      return parse(file, header, size);
    } catch (IOException e) {
      throw new BadInputException("%s: cannot be read (%s)".formatted(file, Reason.of(e)), e);
    }
  }

  private static ByteBuffer whole(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining() && channel.read(buffer) >= 0) {}
    return buffer;
  }

  private static SafeTensors parse(Path file, byte[] header, long fileBytes) {
    JsonNode root;
    try {
      root = JSON.readTree(header);
    } catch (JsonProcessingException e) {
      throw damaged(file, "its header is no JSON: " + Reason.of(e));
    } catch (IOException e) {
      throw damaged(file, "its header cannot be read: " + Reason.of(e));
    }
    if (!root.isObject()) {
      throw damaged(file, "its header is no JSON object");
    }
    long dataStart = 8L + header.length;
    Map<String, Tensor> found = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : root.properties()) {
      if (entry.getKey().equals("__metadata__")) {
        for (Map.Entry<String, JsonNode> text : entry.getValue().properties()) {
          if (!text.getValue().isTextual()) {
            throw damaged(file, "__metadata__." + text.getKey() + " is no string");
          }
          metadata.put(text.getKey(), text.getValue().textValue());
        }
      } else {
        found.put(entry.getKey(), tensor(file, entry.getKey(), entry.getValue(), dataStart));
      }
    }
    return new SafeTensors(
        file,
        fileBytes,
        Collections.unmodifiableMap(inOrder(file, found, dataStart, fileBytes)),
        Collections.unmodifiableMap(metadata));
  }

  private static Tensor tensor(Path file, String name, JsonNode node, long dataStart) {
    Set<String> keys =
        node.properties().stream().map(Map.Entry::getKey).collect(Collectors.toSet());
    if (!keys.equals(Set.of("dtype", "shape", "data_offsets"))) {
      throw damaged(file, name + " has " + keys + " instead of dtype, shape and data_offsets");
    }
    String dtype = node.path("dtype").asText();
    if (!node.path("dtype").isTextual() || !BYTES_OF.containsKey(dtype)) {
      throw damaged(file, name + " is of the unknown dtype " + node.path("dtype"));
    }
    long[] shape = naturals(file, name, node.path("shape"));
    long[] offsets = naturals(file, name, node.path("data_offsets"));
    long bytes = bytesOf(dtype);
    try {
      for (long n : shape) {
        bytes = Math.multiplyExact(bytes, n);
      }
    } catch (ArithmeticException e) {
      bytes = -1;
    }
    if (offsets.length != 2 || offsets[1] - offsets[0] != bytes) {
      throw damaged(
          file,
          "%s of shape %s and dtype %s does not fit data_offsets %s"
              .formatted(name, Arrays.toString(shape), dtype, Arrays.toString(offsets)));
    }
    return new Tensor(
        dtype,
        Arrays.stream(shape).boxed().toList(),
        dataStart + offsets[0],
        dataStart + offsets[1]);
  }

  private static long[] naturals(Path file, String name, JsonNode node) {
    boolean good = node.isArray();
    for (JsonNode n : node) {
      good &= n.isIntegralNumber() && n.canConvertToLong() && n.longValue() >= 0;
    }
    if (!good) {
      throw damaged(file, name + " has " + node + " where whole numbers belong");
    }
    long[] values = new long[node.size()];
    Arrays.setAll(values, i -> node.path(i).longValue());
    return values;
  }

  /** By offset; the data must be covered without overlap, hole or rest. */
  private static Map<String, Tensor> inOrder(
      Path file, Map<String, Tensor> found, long dataStart, long fileBytes) {
    Map<String, Tensor> ordered = new LinkedHashMap<>();
    long at = dataStart;
    List<Map.Entry<String, Tensor>> entries =
        found.entrySet().stream()
            .sorted(
                Comparator.comparingLong((Map.Entry<String, Tensor> e) -> e.getValue().start())
                    .thenComparingLong(e -> e.getValue().end()))
            .toList();
    for (Map.Entry<String, Tensor> entry : entries) {
      Tensor tensor = entry.getValue();
      if (tensor.start() != at) {
        throw damaged(
            file,
            "%s %s: its data starts at byte %d, the data before it ends at %d"
                .formatted(
                    entry.getKey(),
                    tensor.start() < at ? "overlaps another" : "follows a hole",
                    tensor.start(),
                    at));
      }
      ordered.put(entry.getKey(), tensor);
      at = tensor.end();
    }
    if (at != fileBytes) {
      throw damaged(file, "its tensors end at byte %d, the file at %d".formatted(at, fileBytes));
    }
    return ordered;
  }

  private static BadInputException damaged(Path file, String what) {
    return new BadInputException(
        "%s is no whole safetensors file: %s; fetch or write it again".formatted(file, what));
  }
}
