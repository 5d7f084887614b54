package dev.fluxtune.app.watch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tests {@link TensorBoard}; {@code tests/parity/read_tensorboard.py} reads what a run wrote with
 * TensorBoard's own reader.
 */
class TensorBoardTest {
  @TempDir Path folder;
  private final List<Sampled> sampled = new ArrayList<>();

  private List<byte[]> written(TrainerState.Log... logs) throws IOException {
    return written(List.of(), logs);
  }

  private List<byte[]> written(List<RunEvent> events, TrainerState.Log... logs) throws IOException {
    WatchedRun run =
        new WatchedRun(folder, 0, List.of(), "max_steps: 3\n", "{\"model_type\": \"llama\"}");
    try (TensorBoard board = TensorBoard.open(run)) {
      for (TrainerState.Log log : logs) {
        board.logged(log);
      }
      for (RunEvent event : events) {
        board.happened(event);
      }
      for (Sampled some : sampled) {
        board.sampled(some);
      }
    }
    try (Stream<Path> files = Files.walk(folder.resolve("runs"))) {
      Path file = files.filter(Files::isRegularFile).findFirst().orElseThrow();
      assertThat(file.getFileName().toString())
          .matches("events\\.out\\.tfevents\\.\\d+\\..+\\.\\d+\\.0");
      return records(ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN));
    }
  }

  /** The data of each record, its two checksums checked. */
  private static List<byte[]> records(ByteBuffer in) {
    List<byte[]> records = new ArrayList<>();
    while (in.hasRemaining()) {
      byte[] length = new byte[8];
      in.get(length);
      assertThat(in.getInt()).isEqualTo(masked(length));
      byte[] data =
          new byte[(int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong()];
      in.get(data);
      assertThat(in.getInt()).isEqualTo(masked(data));
      records.add(data);
    }
    return records;
  }

  private static int masked(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return (int) ((crc.getValue() >>> 15 | crc.getValue() << 17) + 0xa282ead8L);
  }

  private static String ascii(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  @Test
  void namesTheFormatAndTellsTheConfiguration() throws IOException {
    List<byte[]> records = written();
    assertThat(records).hasSize(4 + 1);
    assertThat(ascii(records.get(0))).endsWith("brain.Event:2");
    assertThat(ascii(records.get(1))).contains("args/text_summary", "max_steps: 3\n", "text");
    assertThat(ascii(records.get(2))).contains("model_config/text_summary", "llama");
  }

  @Test
  void tellsTheHyperparametersAndTheEnd() throws IOException {
    List<byte[]> records = written(List.of(new RunEvent.End(3, false)));
    assertThat(ascii(records.get(3)))
        .contains("_hparams_/session_start_info", "hparams")
        // an entry of 20 bytes: its key, and a number, 3.0
        .contains("\n\u0016\n\tmax_steps\u0012\t\u0011\0\0\0\0\0\0\u0008@");
    assertThat(ascii(records.get(4))).contains("_hparams_/session_end_info");
  }

  @Test
  void writesAScalarAValue() throws IOException {
    List<byte[]> records =
        written(
            new TrainerState.Log(300, 0.5, Map.of("loss", 1.5)),
            new TrainerState.Log(301, 1.0, Map.of("eval_loss", -2.0)));
    assertThat(records).hasSize(4 + 4 + 1);
    byte[] loss = records.get(5);
    assertThat(ascii(loss).substring(9))
        // step 300, summary, value, its tag
        .startsWith("\u0010\u00ac\u0002*\u0013\n\u0011\n\ntrain/loss\u0015");
    ByteBuffer value = ByteBuffer.wrap(loss).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(value.getFloat(loss.length - 4)).isEqualTo(1.5f);
    assertThat(ascii(records.get(7))).contains("eval/loss");
    assertThat(ascii(records.get(4))).contains("train/epoch");
  }

  @Test
  void showsSamplesAsTheyAre() throws IOException {
    sampled.add(
        new Sampled(
            300, 0.5, "greedy", List.of(new Sampled.Text(7, "2 <b>\n* 3", "# five", "6\r\n"))));
    String text = ascii(written().get(4));
    assertThat(text.substring(9)).startsWith("\u0010\u00ac\u0002"); // step 300
    assertThat(text)
        .contains("eval/samples/text_summary")
        .contains("greedy\n\n**row 7, prompt**\n\n    2 <b>\n    * 3\n\n**generation**")
        .contains("**generation**\n\n    # five\n\n**reference**\n\n    6\n");
  }

  /** Statuses of hparams' api.proto: 0 unknown, 1 success, 2 failure. */
  @Test
  void saysHowTheSessionEnded() throws IOException {
    assertThat(status(List.of(new RunEvent.End(3, false)))).isEqualTo(1);
    assertThat(status(List.of(new RunEvent.End(3, true)))).as("stopped").isEqualTo(0);
    assertThat(status(List.of())).as("it failed").isEqualTo(2);
  }

  private int status(List<RunEvent> events) throws IOException {
    List<byte[]> records = written(events);
    String last = ascii(records.get(records.size() - 1));
    assertThat(last).contains("_hparams_/session_end_info");
    Matcher end = Pattern.compile("\"\u000b\b(.)\u0011", Pattern.DOTALL).matcher(last);
    assertThat(end.find()).as("session_end_info of 11 bytes: status and time").isTrue();
    delete();
    return end.group(1).charAt(0);
  }

  /** A file that is closed cannot be written to, as one on a full disk. */
  @Test
  void writesNothingBehindATornRecord() throws IOException {
    TensorBoard board =
        TensorBoard.open(new WatchedRun(folder, 0, List.of(), "max_steps: 3\n", "{}"));
    board.close();
    TrainerState.Log log = new TrainerState.Log(1, 0.5, Map.of("loss", 1.5));
    assertThatThrownBy(() -> board.logged(log)).isInstanceOf(IOException.class);
    assertThatCode(board::close).as("told once is enough").doesNotThrowAnyException();
  }

  private void delete() throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve("runs"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.delete(file);
      }
    }
  }
}
