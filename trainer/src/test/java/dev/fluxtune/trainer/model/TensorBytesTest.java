package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.checkpoint.Content;
import dev.fluxtune.trainer.checkpoint.ModelFiles;
import dev.fluxtune.trainer.checkpoint.SafeTensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TensorBytesTest {
  @Test
  void bytesComeInPieces() throws IOException {
    try (NDManager manager = NDManager.newBaseManager("PyTorch");
        TensorBytes bytes = new TensorBytes(4)) {
      float[] numbers = {1, -2, 3.5f, Float.NaN, 5, 6, 7, 8, Float.MIN_VALUE, 10};
      NDArray array = manager.create(numbers, new Shape(2, 5));
      Content content = bytes.of(Map.of("a", array)).get("a");
      assertThat(content.dtype()).isEqualTo("F32");
      assertThat(content.shape()).containsExactly(2L, 5L);
      List<Integer> sizes = new ArrayList<>();
      ByteBuffer all = ByteBuffer.allocate(40).order(ByteOrder.LITTLE_ENDIAN);
      content.writeTo(
          piece -> {
            sizes.add(piece.remaining());
            all.put(piece);
          });
      assertThat(sizes).containsExactly(16, 16, 8);
      float[] found = new float[10];
      all.flip().asFloatBuffer().get(found);
      assertThat(found).isEqualTo(numbers);
    }
  }

  @Test
  void bf16WeightsGiveTheBytesOfTheirFile() throws IOException {
    Fixture fixture = Fixture.of("mistral");
    Map<String, SafeTensors> files = ModelFiles.read(fixture.folder());
    try (Weights weights =
            Weights.read(fixture.folder(), fixture.config(), Device.cpu(), Dtype.BFLOAT16);
        TensorBytes bytes = new TensorBytes(1000)) {
      Map<String, Content> contents = bytes.of(weights.arrays());
      byte[] file = Files.readAllBytes(fixture.folder().resolve("model.safetensors"));
      for (String name : weights.names()) {
        SafeTensors.Tensor tensor = files.get(name).tensors().get(name);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        contents
            .get(name)
            .writeTo(
                piece -> {
                  while (piece.hasRemaining()) {
                    out.write(piece.get());
                  }
                });
        assertThat(contents.get(name).dtype()).isEqualTo("BF16");
        assertThat(out.toByteArray())
            .isEqualTo(Arrays.copyOfRange(file, (int) tensor.start(), (int) tensor.end()));
      }
    }
  }

  @Test
  void arraysTakeWhatFilesHold() {
    Fixture fixture = Fixture.of("llama2");
    try (Weights weights = Weights.random(fixture.config(), 3, Device.cpu(), Dtype.FLOAT32);
        Weights expected = fixture.weights();
        TensorBytes bytes = new TensorBytes()) {
      bytes.read(ModelFiles.read(fixture.folder()), weights.arrays());
      for (String name : expected.names()) {
        assertThat(weights.get(name).toFloatArray()).isEqualTo(expected.get(name).toFloatArray());
      }
    }
  }

  @Test
  void whatDoesNotFitIsNamedAndNothingIsCopied() {
    Fixture fixture = Fixture.of("llama2");
    try (Weights half = Weights.random(fixture.config(), 3, Device.cpu(), Dtype.BFLOAT16);
        Weights whole = Weights.random(fixture.config(), 3, Device.cpu(), Dtype.FLOAT32);
        TensorBytes bytes = new TensorBytes()) {
      Map<String, SafeTensors> files = new LinkedHashMap<>(ModelFiles.read(fixture.folder()));
      assertThatThrownBy(() -> bytes.read(files, half.arrays()))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining(
              "model.embed_tokens.weight is F32 [96, 32], this run has BF16 [96, 32]");
      Map<String, NDArray> arrays = new LinkedHashMap<>(whole.arrays());
      float[] before = whole.get(ModelConfig.EMBEDDING).toFloatArray();
      arrays.remove(ModelConfig.NORM);
      assertThatThrownBy(() -> bytes.read(files, arrays))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("model.norm.weight has no place in this run");
      files.remove(ModelConfig.HEAD);
      assertThatThrownBy(() -> bytes.read(files, arrays))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("lm_head.weight is missing");
      assertThat(whole.get(ModelConfig.EMBEDDING).toFloatArray()).isEqualTo(before);
    }
  }
}
