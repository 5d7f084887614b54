package dev.fluxtune.pipeline.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.BadInputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.test.StepVerifier;

/** What a damaged file claims is not believed before memory is taken for it. */
class DamagedArrowTest {
  private static final int LENGTH = 0x1234; // found again in the file

  @TempDir Path folder;

  private byte[] written(BufferAllocator allocator) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (VarCharVector text = new VarCharVector("text", allocator);
        VectorSchemaRoot root = VectorSchemaRoot.of(text);
        ArrowFileWriter writer = new ArrowFileWriter(root, null, Channels.newChannel(bytes))) {
      text.setSafe(0, new byte[LENGTH]);
      root.setRowCount(1);
      writer.start();
      writer.writeBatch();
      writer.end();
    }
    return bytes.toByteArray();
  }

  /** Where the text's place stands: behind the file's description of itself, which has it too. */
  private static int offsets(ByteBuffer file) {
    int at = (file.limit() - LENGTH) / 4 * 4;
    while (file.getInt(at) != 0 || file.getInt(at + 4) != LENGTH) {
      at -= 4;
    }
    return at;
  }

  private void refused(BufferAllocator allocator, byte[] bytes) throws IOException {
    Path file = Files.write(folder.resolve("rows.arrow"), bytes);
    StepVerifier.create(Fixtures.read(allocator, file))
        .verifyErrorSatisfies(
            e ->
                assertThat(e)
                    .isInstanceOf(BadInputException.class)
                    .hasMessageStartingWith(file + ": cannot be read as ")
                    .hasMessageEndingWith("fetch or write it again")
                    .hasMessageNotContaining("Exception"));
  }

  @Test
  void aTextLongerThanTheFile() throws IOException {
    try (BufferAllocator allocator = new RootAllocator()) {
      ByteBuffer file = ByteBuffer.wrap(written(allocator)).order(ByteOrder.LITTLE_ENDIAN);
      int end = offsets(file) + 4;
      for (int damaged : new int[] {Integer.MAX_VALUE - 64, -1}) {
        file.putInt(end, damaged);
        refused(allocator, file.array());
      }
    }
  }

  @Test
  void aFileCutShort() throws IOException {
    try (BufferAllocator allocator = new RootAllocator()) {
      byte[] whole = written(allocator);
      refused(allocator, Arrays.copyOf(whole, whole.length / 2));
    }
  }
}
