package dev.fluxtune.trainer.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.checkpoint.SafeTensors;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Fixture;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.NativeMemory;
import dev.fluxtune.trainer.model.Weights;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class QuantizedReadTest {
  private static final long MIB = 1 << 20;

  @TempDir Path folder;

  @Test
  void aWeightThatIsNotFiniteIsNamedWithItsFile() throws IOException {
    Fixture fixture = Fixture.of("qwen2");
    Path file = folder.resolve("model.safetensors");
    for (String name : List.of("config.json", "model.safetensors")) {
      Files.copy(fixture.folder().resolve(name), folder.resolve(name));
    }
    String weight = "model.layers.1.mlp.up_proj.weight";
    SafeTensors.Tensor tensor =
        Objects.requireNonNull(SafeTensors.read(file).tensors().get(weight));
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      ByteBuffer nan = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
      channel.write(nan.putFloat(0, Float.NaN), tensor.end() - 4);
    }
    int before = NativeMemory.arrays();
    assertThatThrownBy(() -> read(Quantization.NF4_NESTED))
        .isInstanceOf(BadInputException.class)
        .hasMessageStartingWith(weight + " in " + file + " holds infinity or NaN");
    assertThat(NativeMemory.arrays()).isEqualTo(before);
  }

  @Test
  void someOfAModelAreThoseOfTheWhole() {
    Fixture fixture = Fixture.of("llama2"); // in two files
    List<String> names = List.of("model.layers.1.mlp.up_proj.weight", ModelConfig.NORM);
    try (Weights all =
            read(Quantization.NF4, fixture.folder(), fixture.config().shapes().keySet());
        Weights some = read(Quantization.NF4, fixture.folder(), names)) {
      assertThat(some.names()).isEqualTo(names);
      for (String name : names) {
        assertThat(some.get(name)).isEqualTo(all.get(name));
      }
    }
  }

  @Test
  void drawnWeightsGetTheCodesOfWhatIsDrawn() {
    ModelConfig config = Fixture.of("llama2").config();
    String name = "model.layers.0.self_attn.q_proj.weight";
    Device cpu = Device.cpu();
    try (Weights drawn = Weights.random(config, 3, cpu, Dtype.FLOAT32);
        Weights codes = Quantization.INT8.random(config, List.of(name), 3, cpu, Dtype.FLOAT32)) {
      float[] numbers = drawn.get(name).toFloatArray();
      float largest = 0;
      for (int i = 0; i < config.hiddenSize(); i++) {
        largest = Math.max(largest, Math.abs(numbers[i]));
      }
      assertThat(codes.get(name).toByteArray()[1])
          .isEqualTo((byte) Math.rint(numbers[1] * (127 / largest)));
    }
  }

  @Test
  @EnabledOnOs(value = OS.LINUX, disabledReason = "memory is read from /proc")
  void hostMemoryNeverHoldsAWholeTensor() throws Exception {
    // Of the three largest tensors each has 128 MiB in the file and 18 MiB in codes: so much more
    // than what is held of one that what else the process does in the meantime is small beside it.
    zeros(2048, 16_384);
    ModelConfig config = ModelConfig.read(folder);
    for (Quantization form : List.of(Quantization.NF4, Quantization.INT8)) {
      long codes =
          config.shapes().values().stream()
              .filter(shape -> shape.size() == 2)
              .mapToLong(shape -> form.bytes(shape.get(0), shape.get(1)))
              .sum();
      read(form).close(); // classes, the library, the pools of the allocator
      try (Memory memory = new Memory()) {
        long before = memory.bytes();
        memory.start();
        try (Weights weights = read(form)) {
          assertThat(weights.size()).isGreaterThan(100_000_000);
        } finally {
          memory.finish();
        }
        assertThat(memory.peak - before - codes).as("%s", form).isLessThan(128 * MIB);
      }
    }
  }

  private Weights read(Quantization form) {
    return read(form, folder, ModelConfig.read(folder).shapes().keySet());
  }

  private static Weights read(Quantization form, Path folder, Collection<String> names) {
    ModelConfig config = ModelConfig.read(folder);
    return form.read(folder, config, names, Device.cpu(), Dtype.FLOAT32);
  }

  /** A model of one layer, whose numbers take no place on the disk. */
  private void zeros(int hidden, int intermediate) throws IOException {
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"model_type": "llama", "vocab_size": 8, "hidden_size": %d, "intermediate_size": %d,
         "num_hidden_layers": 1, "num_attention_heads": 8, "rms_norm_eps": 1e-5,
         "tie_word_embeddings": true}
        """
            .formatted(hidden, intermediate));
    List<String> entries = new ArrayList<>();
    long at = 0;
    for (Map.Entry<String, List<Long>> tensor : ModelConfig.read(folder).shapes().entrySet()) {
      long end = at + 4 * tensor.getValue().stream().reduce(1L, Math::multiplyExact);
      String shape =
          tensor.getValue().stream().map(String::valueOf).collect(Collectors.joining(","));
      entries.add(
          "\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%d,%d]}"
              .formatted(tensor.getKey(), shape, at, end));
      at = end;
    }
    byte[] header = ("{" + String.join(",", entries) + "}").getBytes(StandardCharsets.UTF_8);
    try (FileChannel channel =
        FileChannel.open(
            folder.resolve("model.safetensors"),
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE)) {
      ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      channel.write(length.putLong(0, header.length), 0);
      channel.write(ByteBuffer.wrap(header), 8);
      channel.write(ByteBuffer.allocate(1), 8 + header.length + at - 1);
    }
  }

  /** Memory of this process that is no file's; makes no garbage, which would be some of it. */
  private static final class Memory extends Thread implements AutoCloseable {
    private final FileChannel statm;
    private final ByteBuffer text = ByteBuffer.allocateDirect(200);
    private final long[] numbers = new long[7];
    private volatile boolean done;
    private long peak;

    Memory() throws IOException {
      statm = FileChannel.open(Path.of("/proc/self/statm"));
    }

    @Override
    public void run() {
      while (!done) {
        peak = Math.max(peak, bytes());
      }
    }

    long bytes() {
      try {
        text.clear();
        statm.read(text, 0);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      Arrays.fill(numbers, 0);
      for (int i = 0, n = 0; i < text.position() && n < 3; i++) {
        int c = text.get(i);
        if (c == ' ') {
          n++;
        } else {
          numbers[n] = 10 * numbers[n] + c - '0';
        }
      }
      return 4096 * (numbers[1] - numbers[2]); // resident, less what files share
    }

    void finish() throws InterruptedException {
      done = true;
      join();
    }

    @Override
    public void close() throws IOException {
      statm.close();
    }
  }
}
