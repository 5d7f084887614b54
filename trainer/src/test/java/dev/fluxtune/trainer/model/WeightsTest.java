package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightsTest {
  private static final ModelConfig TINY = Fixture.of("qwen2").config();

  @TempDir Path folder;

  @Test
  void someOfAModelAreThoseOfTheWhole() {
    Fixture fixture = Fixture.of("llama2");
    ModelConfig config = fixture.config();
    List<String> names = Trained.last(1, true).names(config);
    try (Weights read = fixture.weights();
        Weights readSome =
            Weights.read(fixture.folder(), config, names, Device.cpu(), Dtype.FLOAT32);
        Weights drawn = Weights.random(config, 3, Device.cpu(), Dtype.FLOAT32);
        Weights drawnSome = Weights.random(config, names, 3, Device.cpu(), Dtype.FLOAT32)) {
      assertThat(readSome.names()).isEqualTo(names).isEqualTo(drawnSome.names());
      for (String name : names) {
        assertThat(readSome.get(name).toFloatArray()).isEqualTo(read.get(name).toFloatArray());
        assertThat(drawnSome.get(name).toFloatArray()).isEqualTo(drawn.get(name).toFloatArray());
      }
    }
  }

  @Test
  void randomWeightsFollowTheSeedAndTheRange() {
    try (Weights one = Weights.random(TINY, 7, Device.cpu(), Dtype.FLOAT32);
        Weights same = Weights.random(TINY, 7, Device.cpu(), Dtype.FLOAT32);
        Weights other = Weights.random(TINY, 8, Device.cpu(), Dtype.FLOAT32)) {
      float[] embedding = one.get(ModelConfig.EMBEDDING).toFloatArray();
      assertThat(same.get(ModelConfig.EMBEDDING).toFloatArray()).isEqualTo(embedding);
      assertThat(other.get(ModelConfig.EMBEDDING).toFloatArray()).isNotEqualTo(embedding);
      double square =
          IntStream.range(0, embedding.length).mapToDouble(i -> embedding[i]).map(v -> v * v).sum();
      assertThat(Math.sqrt(square / embedding.length)).isCloseTo(0.02, within(0.001));
      assertThat(one.get(ModelConfig.NORM).toFloatArray()).containsOnly(1f);
      assertThat(one.get("model.layers.1.self_attn.k_proj.bias").toFloatArray()).containsOnly(0f);
      assertThat(one.names()).containsExactlyElementsOf(TINY.shapes().keySet());
    }
  }

  @Test
  void weightsThatDoNotFitAreNamed() throws IOException {
    copy("llama2");
    Files.copy(Fixture.FOLDER.resolve("llama3/config.json"), folder.resolve("config.json"));
    assertThatThrownBy(() -> read())
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("model.layers.2.input_layernorm.weight is missing")
        .hasMessageContaining("model.layers.0.self_attn.q_proj.weight has shape [32, 32]")
        .hasMessageContaining("[40, 32]");
  }

  @Test
  void aMissingShardIsNamed() throws IOException {
    copy("llama2");
    Files.copy(Fixture.FOLDER.resolve("llama2/config.json"), folder.resolve("config.json"));
    read().close();
    Files.delete(folder.resolve("model-00002-of-00002.safetensors"));
    assertThatThrownBy(() -> read())
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("model-00002-of-00002.safetensors");
  }

  @Test
  void dataThatIsNotAlignedIsReadToo() throws IOException {
    Path source = Fixture.FOLDER.resolve("qwen2");
    byte[] file = Files.readAllBytes(source.resolve("model.safetensors"));
    ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    int length = (int) bytes.getLong(0);
    String header = new String(file, 8, length, StandardCharsets.UTF_8).stripTrailing();
    while (header.length() % 2 == 0) {
      header += " ";
    }
    ByteBuffer moved =
        ByteBuffer.allocate(8 + header.length() + file.length - 8 - length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length())
            .put(header.getBytes(StandardCharsets.UTF_8))
            .put(file, 8 + length, file.length - 8 - length);
    Files.write(folder.resolve("model.safetensors"), moved.array());
    Files.copy(source.resolve("config.json"), folder.resolve("config.json"));
    try (Weights odd = read();
        Weights even = Fixture.of("qwen2").weights()) {
      for (String name : even.names()) {
        assertThat(odd.get(name).toFloatArray()).isEqualTo(even.get(name).toFloatArray());
        assertThat(odd.get(name).getShape()).isEqualTo(even.get(name).getShape());
      }
    }
  }

  @Test
  void whatIsReadOutlivesTheFile() throws IOException {
    copy("llama2");
    Files.copy(Fixture.FOLDER.resolve("llama2/config.json"), folder.resolve("config.json"));
    try (Weights weights = read()) {
      float[] before = weights.get(ModelConfig.NORM).toFloatArray();
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.toList()) {
          Files.write(file, new byte[(int) Files.size(file)]);
        }
      }
      assertThat(weights.get(ModelConfig.NORM).toFloatArray()).isEqualTo(before);
    }
  }

  private Weights read() {
    return Weights.read(folder, ModelConfig.read(folder), Device.cpu(), Dtype.FLOAT32);
  }

  private void copy(String shape) throws IOException {
    try (Stream<Path> files = Files.list(Fixture.FOLDER.resolve(shape))) {
      for (Path file : files.filter(f -> f.toString().contains("model")).toList()) {
        String name = file.getFileName().toString();
        if (name.startsWith("model")) {
          Files.copy(file, folder.resolve(name));
        }
      }
    }
  }
}
