package dev.fluxtune.trainer.model;

import ai.djl.Device;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.trainer.checkpoint.SafeTensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.StreamSupport;

/** A tiny model, a batch, and what transformers makes of them; by tests/parity/make_models.py. */
public record Fixture(Path folder, ModelConfig config, Batch batch, Map<String, float[]> expected) {
  static final Path FOLDER = Path.of("src/test/resources/models");

  public static Fixture of(String name) {
    Path folder = FOLDER.resolve(name);
    try {
      JsonNode json = new JsonMapper().readTree(Files.readAllBytes(folder.resolve("batch.json")));
      return new Fixture(
          folder,
          ModelConfig.read(folder),
          batch(json),
          floats(folder.resolve("expected.safetensors")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public float[] expected(String name) {
    float[] values = expected.get(name);
    if (values == null) {
      throw new IllegalArgumentException("nothing is expected of " + name);
    }
    return values;
  }

  public Weights weights() {
    return Weights.read(folder, config, Device.cpu(), Dtype.FLOAT32);
  }

  /** One over the trained tokens, as make_models.py scales. */
  public double scale() {
    return 1.0 / batch.trainedTokens();
  }

  /** All gradients by name, of one batch, from zero. */
  public Map<String, float[]> gradients(Weights weights, Llama.Options options) {
    try (Llama model = new Llama(config, weights, options);
        Gradients gradients = model.gradients(Dtype.FLOAT32)) {
      model.forwardBackward(batch, scale(), gradients);
      return floats(gradients);
    }
  }

  public static Map<String, float[]> floats(Gradients gradients) {
    Map<String, float[]> values = new LinkedHashMap<>();
    gradients.names().forEach(name -> values.put(name, gradients.get(name).toFloatArray()));
    return values;
  }

  /** max |a - b| / max |b|. */
  public static double distance(float[] a, float[] b) {
    if (a.length != b.length) {
      throw new IllegalArgumentException(a.length + " numbers against " + b.length);
    }
    double apart = 0;
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      double d = Math.abs((double) a[i] - b[i]);
      apart = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(apart, d);
      largest = Math.max(largest, Math.abs(b[i]));
    }
    return apart / largest;
  }

  /** A batch as the scripts of tests/parity write it. */
  public static Batch batch(JsonNode json) {
    int[][] lengths =
        StreamSupport.stream(json.path("seqLengths").spliterator(), false)
            .map(Fixture::ints)
            .toArray(int[][]::new);
    return new Batch(
        json.path("size").intValue(),
        json.path("length").intValue(),
        ints(json.path("inputIds")),
        ints(json.path("labels")),
        lengths);
  }

  private static int[] ints(JsonNode node) {
    return StreamSupport.stream(node.spliterator(), false).mapToInt(JsonNode::intValue).toArray();
  }

  public static Map<String, float[]> floats(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    Map<String, float[]> values = new LinkedHashMap<>();
    SafeTensors.read(file)
        .tensors()
        .forEach(
            (name, tensor) -> {
              float[] numbers = new float[(int) (tensor.end() - tensor.start()) / 4];
              bytes.position((int) tensor.start()).asFloatBuffer().get(numbers);
              bytes.position(0);
              values.put(name, numbers);
            });
    return values;
  }
}
