package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReasonTest {
  @TempDir Path folder;

  private interface Action {
    void run() throws IOException;
  }

  private static String of(Action action) {
    try {
      action.run();
      throw new AssertionError("it went well");
    } catch (IOException e) {
      assertThat(Reason.of(new UncheckedIOException(e))).isEqualTo(Reason.of(e));
      return Reason.of(e);
    }
  }

  @Test
  void saysInPlainWordsWhatIsWrongWithAFile() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    assertThat(of(() -> Files.readString(folder.resolve("none"))))
        .isEqualTo("there is no such file");
    assertThat(of(() -> Files.createDirectories(file.resolve("in"))))
        .doesNotContain("Exception", folder.toString());
    assertThat(of(() -> Files.createDirectories(file)))
        .isEqualTo("a file stands where a folder should be");
    Files.write(file, new byte[] {'a', (byte) 0xE4});
    assertThat(of(() -> Files.readString(file))).isEqualTo("it is not UTF-8");
  }

  @Test
  void saysWhereJsonEndsAndNothingOfItsParser() {
    ObjectMapper json = new ObjectMapper();
    assertThat(of(() -> json.readTree("{\n")))
        .isEqualTo(
            "Unexpected end-of-input: expected close marker for Object, in line 2, character 1");
    assertThat(of(() -> json.readTree("[".repeat(5000)))).contains("nested too deep");
  }

  @Test
  void saysNoPlaceWhereThereIsNone() {
    ObjectMapper json = new ObjectMapper();
    assertThat(of(() -> json.treeToValue(json.createArrayNode(), Long.class)))
        .doesNotContain("in line");
  }
}
