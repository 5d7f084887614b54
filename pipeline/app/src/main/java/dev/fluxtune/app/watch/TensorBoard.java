package dev.fluxtune.app.watch;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * TensorBoard's event file ({@code record_writer.cc}, {@code event.proto} of TensorFlow): scalars
 * by the names that transformers' callback gives them; configuration, model and samples as text;
 * and the configuration as hyper-parameters ({@code hparams/plugin_data.proto} of TensorBoard). It
 * lies in {@code TENSORBOARD_LOGGING_DIR}, else in {@code runs/TIME_HOST} of the run's folder.
 */
final class TensorBoard implements Observer {
  static final String NAME = "tensorboard";
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("MMMdd_HH-mm-ss", Locale.ROOT);
  private static final int MASK = 0xa282ead8;
  private static final int STRING = 7; // of tensorflow's DataType

  // hparams' Status. One that was stopped has neither succeeded nor failed: it may be gone on with.
  private static final long UNKNOWN = 0;
  private static final long SUCCESS = 1;
  private static final long FAILURE = 2;

  private final OutputStream out;
  private long status = FAILURE; // until the run tells its end
  private boolean torn;

  private TensorBoard(OutputStream out) throws IOException {
    this.out = out;
    write(event(0).text(3, "brain.Event:2"));
  }

  /**
   * Begins a file.
   *
   * @throws BadInputException if it cannot be written
   */
  static TensorBoard open(WatchedRun run) {
    String host = WatchedRun.host();
    Path folder =
        Optional.ofNullable(System.getenv("TENSORBOARD_LOGGING_DIR"))
            .map(Path::of)
            .orElseGet(
                () ->
                    run.folder()
                        .resolve("runs")
                        .resolve(
                            LocalDateTime.now(ZoneId.systemDefault()).format(TIME) + "_" + host));
    String name =
        "events.out.tfevents.%d.%s.%d.0"
            .formatted(System.currentTimeMillis() / 1000, host, ProcessHandle.current().pid());
    try {
      Files.createDirectories(folder);
      TensorBoard board = new TensorBoard(Files.newOutputStream(folder.resolve(name)));
      board.text("args", run.configuration(), 0);
      board.text("model_config", run.model(), 0);
      board.hyperparameters(run.settings());
      board.out.flush();
      return board;
    } catch (IOException e) {
      throw new BadInputException(
          "report_to: tensorboard cannot write in %s (%s); set TENSORBOARD_LOGGING_DIR to another folder, or leave it out"
              .formatted(folder, Reason.of(e)),
          e);
    }
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public void happened(RunEvent event) {
    if (event instanceof RunEvent.End end) {
      status = end.stopped() ? UNKNOWN : SUCCESS;
    }
  }

  @Override
  public void failed(String why) {
    status = FAILURE;
  }

  @Override
  public void logged(TrainerState.Log log) throws IOException {
    Map<String, Double> values = new TreeMap<>(log.values());
    values.put("epoch", log.epoch());
    for (Map.Entry<String, Double> value : values.entrySet()) {
      scalar(tag(value.getKey()), value.getValue(), log.step());
    }
    out.flush();
  }

  /** As Markdown, in which indented lines are shown as they are. */
  @Override
  public void sampled(Sampled sampled) throws IOException {
    StringBuilder all = new StringBuilder(sampled.settings()).append("\n\n");
    for (Sampled.Text it : sampled.texts()) {
      all.append("**row ").append(it.row()).append(", prompt**\n\n").append(indented(it.prompt()));
      all.append("**generation**\n\n").append(indented(it.generation()));
      all.append("**reference**\n\n").append(indented(it.reference()));
    }
    text("eval/samples", all.toString(), sampled.step());
    out.flush();
  }

  private static String indented(String text) {
    return ("\n" + text).replaceAll("\\R", "\n    ").substring(1) + "\n\n";
  }

  /** {@code rewrite_logs} of transformers' integration_utils.py. */
  static String tag(String name) {
    return name.startsWith("eval_") ? "eval/" + name.substring(5) : "train/" + name;
  }

  private void scalar(String tag, double value, long step) throws IOException {
    Protobuf of = new Protobuf().text(1, tag).number(2, (float) value);
    write(event(step).message(5, new Protobuf().message(1, of)));
  }

  /** As {@code SummaryWriter.add_text} of PyTorch. */
  private void text(String tag, String text, long step) throws IOException {
    Protobuf plugin = new Protobuf().text(1, "text");
    Protobuf shape = new Protobuf().message(2, new Protobuf().number(1, 1L));
    Protobuf tensor = new Protobuf().number(1, (long) STRING).message(2, shape).text(8, text);
    Protobuf of =
        new Protobuf()
            .text(1, tag + "/text_summary")
            .message(8, tensor)
            .message(9, new Protobuf().message(1, plugin));
    write(event(step).message(5, new Protobuf().message(1, of)));
  }

  /** As {@code SummaryWriter.add_hparams} of PyTorch. */
  private void hyperparameters(Map<String, Object> settings) throws IOException {
    Protobuf info = new Protobuf();
    settings.forEach(
        (key, value) -> {
          if (value != null) {
            info.message(1, new Protobuf().text(1, key).message(2, hyperparameter(value)));
          }
        });
    session("start", 3, info.number(5, System.currentTimeMillis() / 1000.0));
  }

  /** {@code google.protobuf.Value}: what is no number and no switch is a text. */
  private static Protobuf hyperparameter(Object value) {
    if (value instanceof Number it) {
      return new Protobuf().number(2, it.doubleValue());
    }
    return value instanceof Boolean it
        ? new Protobuf().number(4, it ? 1L : 0L)
        : new Protobuf().text(3, value.toString());
  }

  private void session(String what, int field, Protobuf info) throws IOException {
    Protobuf plugin =
        new Protobuf().text(1, "hparams").message(2, new Protobuf().message(field, info));
    Protobuf of =
        new Protobuf()
            .text(1, "_hparams_/session_" + what + "_info")
            .message(9, new Protobuf().message(1, plugin));
    write(event(0).message(5, new Protobuf().message(1, of)));
  }

  private static Protobuf event(long step) {
    return new Protobuf().number(1, System.currentTimeMillis() / 1000.0).number(2, step);
  }

  /** Behind a record that could not be written whole nothing more is: nobody could read it. */
  private void write(Protobuf event) throws IOException {
    if (torn) {
      return;
    }
    torn = true;
    byte[] data = event.bytes();
    byte[] length = Protobuf.little(8).putLong(data.length).array();
    out.write(length);
    out.write(checksum(length));
    out.write(data);
    out.write(checksum(data));
    torn = false;
  }

  private static byte[] checksum(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    int masked = Integer.rotateRight((int) crc.getValue(), 15) + MASK;
    return Protobuf.little(4).putInt(masked).array();
  }

  @Override
  public void close() throws IOException {
    try (out) {
      Protobuf info = new Protobuf().number(1, status);
      session("end", 4, info.number(2, System.currentTimeMillis() / 1000.0));
    }
  }
}
