package dev.fluxtune.trainer.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafeTensorsTest {
  @TempDir Path folder;

  @Test
  void readsNamesShapesAndWhereTheDataLies() throws IOException {
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"b\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[24,26]},"
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}";
    SafeTensors file = SafeTensors.read(write(header, 26));
    long data = 8L + header.length();
    assertThat(file.metadata()).containsEntry("format", "pt");
    assertThat(file.tensors().keySet()).containsExactly("a", "b");
    assertThat(file.tensors())
        .containsEntry("a", new SafeTensors.Tensor("F32", List.of(2L, 3L), data, data + 24))
        .containsEntry("b", new SafeTensors.Tensor("BF16", List.of(), data + 24, data + 26));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}                                   | no JSON
          []                                                                                      | no JSON object
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{}}                           | no JSON
          {"a":{"dtype":"F32","shape":[1]}}                                                       | instead of
          {"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}                                  | F99
          {"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}                                 | whole numbers
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}                                  | does not fit
          {"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}              | does not fit
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}                                  | hole
          {"a":{"dtype":"I8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"I8","shape":[2],"data_offsets":[2,4]}} | overlaps
          {"a":{"dtype":"I8","shape":[3],"data_offsets":[0,3]}}                                   | end at byte
          {"a":{"dtype":"I8","shape":[8],"data_offsets":[0,8]}}                                   | end at byte
          """)
  void whatIsWrongWithADamagedHeaderIsSaid(String header, String said) throws IOException {
    Path file = write(header, 4);
    assertThatThrownBy(() -> SafeTensors.read(file))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(said);
  }

  @Test
  void aHeaderLongerThanTheFileIsRefused() throws IOException {
    Path file = folder.resolve("short.safetensors");
    for (long length : new long[] {1, 200_000_000, -1}) {
      ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
      Files.write(file, bytes.array());
      assertThatThrownBy(() -> SafeTensors.read(file)).hasMessageContaining("its header claims");
    }
    Files.write(file, new byte[7]);
    assertThatThrownBy(() -> SafeTensors.read(file)).hasMessageContaining("7 bytes");
  }

  private Path write(String header, int dataBytes) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + header.length() + dataBytes)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length())
            .put(header.getBytes(StandardCharsets.UTF_8));
    return Files.write(folder.resolve("model.safetensors"), bytes.array());
  }
}
