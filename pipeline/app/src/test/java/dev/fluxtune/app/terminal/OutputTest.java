package dev.fluxtune.app.terminal;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import org.junit.jupiter.api.Test;

class OutputTest {
  private static Output failing(String reason) {
    return new Output(
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException(reason);
          }
        });
  }

  @Test
  void remembersWhyItCouldNotBeWritten() {
    Output full = failing("No space left on device");
    assertThat(full.failure()).isEmpty();
    full.println("é");
    assertThat(full.failure()).contains("No space left on device");
  }

  @Test
  void saysNothingWhereNobodyReadsOn() {
    Output left = failing("Broken pipe");
    left.println("a");
    assertThat(left.failure()).isEmpty();
  }
}
