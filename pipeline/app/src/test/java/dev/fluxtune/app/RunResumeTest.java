package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A run that was stopped goes on as if it never had been. */
class RunResumeTest extends TinyRuns {
  private static final int MID_EPOCH = 40; // of 25 steps an epoch, 30 where documents are whole

  static Stream<List<Object>> orders() {
    return Stream.of(
        List.of("train_sampling_strategy", "sequential"),
        List.of("shuffle_buffer", 16),
        List.of("packing_strategy", "bfd", "packing_window", 20),
        List.of("shuffle_dataset", true, "tail", "keep"));
  }

  @ParameterizedTest
  @MethodSource("orders")
  void endsWithTheSameBytesWherePackedOnTheWay(List<Object> order) throws IOException {
    JsonNode state = resumes(order.toArray());

    JsonNode position = state.path("position");
    assertThat(state.path("epoch").asLong()).isEqualTo(1);
    assertThat(state.path("microBatches").asLong()).isPositive();
    assertThat(position.path("document").asLong()).isPositive();
    assertThat(position.path("ledger").path("documents").asLong())
        .isGreaterThanOrEqualTo(position.path("document").asLong());
  }

  static Stream<String> strategies() {
    return Stream.of("sequential", "random");
  }

  @ParameterizedTest
  @MethodSource("strategies")
  void endsWithTheSameBytesFromShards(String strategy) throws IOException {
    Path packed = folder.resolve("packed");
    assertThat(tiny.call("pack", packed).code()).isZero();

    JsonNode state = resumes("dataset_name", packed, "train_sampling_strategy", strategy);

    assertThat(state.path("position").path("document").asLong()).isZero();
    assertThat(state.path("microBatches").asLong()).isPositive();
  }

  @Test
  void endsWithTheSameBytesFromShardsInItsOwnFolder() throws IOException {
    assertThat(tiny.call("pack", output.resolve("packed")).code()).isZero();
    CommandRun run = tiny.whole(output, "save_steps", 10);
    assertThat(run.err()).contains("the chunks are taken from " + output.resolve("packed"));
    byte[] straight = TinyRun.weights(output);
    TinyRun.backTo(output, 10); // in the first epoch: its rest is no whole one, the next is
    tiny.whole(output, "save_steps", 10, "resume_from_checkpoint", true);

    assertThat(TinyRun.weights(output)).isEqualTo(straight);
  }

  /** The state that it went on from. */
  private JsonNode resumes(Object... settings) throws IOException {
    List<Object> all = new ArrayList<>(Arrays.asList(settings));
    all.addAll(List.of("save_steps", 10));
    tiny.whole(output, all.toArray());
    byte[] straight = TinyRun.weights(output);
    List<String> checkpoints = TinyRun.checkpoints(output);
    JsonNode log = logOf(output, checkpoints);
    TinyRun.backTo(output, MID_EPOCH);
    JsonNode state =
        TinyRun.json(output.resolve("checkpoint-" + MID_EPOCH + "/fluxtune_state.json"));

    all.addAll(List.of("resume_from_checkpoint", true));
    CommandRun run = tiny.whole(output, all.toArray());

    assertThat(run.err()).contains("going on after step " + MID_EPOCH + ", from " + output);
    assertThat(TinyRun.weights(output)).isEqualTo(straight);
    assertThat(TinyRun.checkpoints(output)).isEqualTo(checkpoints);
    assertThat(logOf(output, checkpoints)).isEqualTo(log);
    return state;
  }

  /** What the last checkpoint logged, but for times. */
  private static JsonNode logOf(Path output, List<String> checkpoints) throws IOException {
    String last = checkpoints.stream().max((a, b) -> Long.compare(step(a), step(b))).orElseThrow();
    return TinyRun.untimed(
        TinyRun.json(output.resolve(last).resolve("trainer_state.json")).path("log_history"));
  }

  private static long step(String checkpoint) {
    return Long.parseLong(checkpoint.replaceAll("\\D", ""));
  }

  @Test
  void readsNoShardAgainThatLiesBehind() throws IOException {
    Path packed = folder.resolve("packed");
    Object[] settings = {
      "dataset_name", manyIds(),
      "model_name_or_path", SmallModel.in(folder.resolve("model")),
      "concat_token_id", 0,
      "max_length", 64,
      "train_sampling_strategy", "sequential",
      "per_device_train_batch_size", 256,
      "gradient_accumulation_steps", 1,
      "max_steps", 10,
      "save_steps", 8
    };
    assertThat(tiny.call("pack", packed, settings).code()).isZero();
    settings[1] = packed;
    tiny.whole(output, settings);
    byte[] straight = TinyRun.weights(output);
    TinyRun.backTo(output, 8);
    spoilTheBeginning(packed.resolve("part-00000.parquet"));

    assertThat(tiny.run(folder.resolve("anew"), settings).code()).isNotZero();
    Object[] resumed = Arrays.copyOf(settings, settings.length + 2);
    resumed[settings.length] = "resume_from_checkpoint";
    resumed[settings.length + 1] = true;
    tiny.whole(output, resumed);
    assertThat(TinyRun.weights(output)).isEqualTo(straight);
  }

  private Path manyIds() throws IOException {
    Random random = new Random(5);
    List<String> lines = new ArrayList<>();
    for (int row = 0; row < 3000; row++) {
      lines.add("{\"input_ids\": " + Arrays.toString(random.ints(63, 1, 100).toArray()) + "}");
    }
    return Files.write(folder.resolve("ids.jsonl"), lines);
  }

  private static void spoilTheBeginning(Path part) throws IOException {
    try (FileChannel file = FileChannel.open(part, StandardOpenOption.WRITE)) {
      byte[] noise = new byte[2000];
      new Random(1).nextBytes(noise);
      file.write(ByteBuffer.wrap(noise), 100);
    }
  }

  @Test
  void passesOverADamagedCheckpointWithAWord() throws IOException {
    tiny.whole(output, "max_steps", 9, "save_steps", 3);
    byte[] straight = TinyRun.weights(output);
    TinyRun.backTo(output, 6);
    Path optimizer = output.resolve("checkpoint-6/optimizer.safetensors");
    byte[] bytes = Files.readAllBytes(optimizer);
    bytes[bytes.length / 2] ^= 1;
    Files.write(optimizer, bytes);

    CommandRun run =
        tiny.whole(output, "max_steps", 9, "save_steps", 3, "resume_from_checkpoint", true);

    assertThat(run.err())
        .contains("checkpoint-6 is damaged", "passed over", "going on after step 3");
    assertThat(TinyRun.weights(output)).isEqualTo(straight);
  }

  @Test
  void doesNotBeginAnewWhereAllCheckpointsAreDamaged() throws IOException {
    tiny.whole(output, "max_steps", 2);
    TinyRun.backTo(output, 2);
    Files.delete(output.resolve("checkpoint-2/optimizer.safetensors"));

    tiny.run(output, "max_steps", 2)
        .refused(
            output + ": holds a run, but no checkpoint that is whole", "checkpoint-2 is damaged");
  }

  @Test
  void refusesAFolderWithARunBeforeItCountsRows() throws IOException {
    tiny.whole(output, "max_steps", 2);
    List<String> rows = new ArrayList<>(Collections.nCopies(5000, "{\"text\": \"a row\"}"));
    rows.add("{");
    Path broken = Files.write(folder.resolve("broken.jsonl"), rows);

    tiny.run(output, "max_steps", 2, "dataset_name", broken)
        .refused(output + ": holds another run");
  }

  @Test
  void goesOnFromANamedCheckpointAlsoInAnotherFolder() throws IOException {
    tiny.whole(output, "max_steps", 6, "save_steps", 3);
    Path other = folder.resolve("other");
    tiny.whole(other, "max_steps", 6, "resume_from_checkpoint", output.resolve("checkpoint-3"));

    assertThat(TinyRun.weights(other)).isEqualTo(TinyRun.weights(output));
  }

  @Test
  void refusesADamagedCheckpointThatIsNamed() throws IOException {
    tiny.whole(output, "max_steps", 2);
    Path checkpoint = output.resolve("checkpoint-2");
    Files.delete(checkpoint.resolve("optimizer.safetensors"));

    tiny.run(output, "max_steps", 2, "resume_from_checkpoint", checkpoint)
        .refused(checkpoint + " is no whole checkpoint", "optimizer.safetensors is missing");
  }

  @Test
  void beginsWhereThereIsNoCheckpoint() throws IOException {
    CommandRun run = tiny.whole(output, "max_steps", 2, "resume_from_checkpoint", true);
    tiny.whole(folder.resolve("straight"), "max_steps", 2);

    assertThat(run.err()).contains("no checkpoint in " + output);
    assertThat(TinyRun.weights(output)).isEqualTo(TinyRun.weights(folder.resolve("straight")));
  }

  @Test
  void hasNothingLeftToDoAfterTheEnd() throws IOException {
    tiny.whole(output, "max_steps", 3);
    byte[] weights = TinyRun.weights(output);
    tiny.whole(output, "max_steps", 3, "resume_from_checkpoint", true);

    assertThat(TinyRun.weights(output)).isEqualTo(weights);
  }

  @Test
  void doesNotTouchAFolderThatHoldsARun() throws IOException {
    tiny.whole(output, "max_steps", 2);
    byte[] weights = TinyRun.weights(output);

    tiny.run(output, "max_steps", 2)
        .refused(
            output + ": holds this run already, up to step 2", "--resume_from_checkpoint true");
    tiny.run(output, "max_steps", 3).refused(output + ": holds another run");
    TinyRun.backTo(output, 2);
    Files.write(output.resolve(TinyRun.WEIGHTS), weights);
    TinyRun.delete(output.resolve("checkpoint-2"));
    tiny.run(output, "max_steps", 2).refused(output + ": holds a model already");
    tiny.run(output, "max_steps", 2, "resume_from_checkpoint", true)
        .refused(output + ": holds a model already");
    assertThat(TinyRun.weights(output)).isEqualTo(weights);
  }

  @Test
  void namesTheSettingsThatDiffer() {
    tiny.whole(output, "max_steps", 2);

    tiny.run(output, "max_steps", 3, "learning_rate", 1e-3, "resume_from_checkpoint", true)
        .refused(
            "checkpoint-2: is of a run with other settings",
            "learning_rate: 0.002 → 0.001",
            "max_steps: 2 → 3");
  }

  @Test
  void namesTheSettingThatIsAnother() {
    tiny.whole(output, "max_steps", 1);
    CommandRun run =
        tiny.run(output, "max_steps", 1, "max_length", 12, "resume_from_checkpoint", true);
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.err())
        .containsPattern("(?m)^ *data.max_length: 24 → 12$")
        .doesNotContain("files");
  }

  @Test
  void doesNotGoOnFromShardsWhereChunksWerePackedOnTheWay() {
    tiny.whole(output, "max_steps", 2);
    assertThat(tiny.call("pack", output.resolve("packed"), "max_steps", 2).code()).isZero();

    tiny.run(output, "max_steps", 2, "resume_from_checkpoint", true)
        .refused("checkpoint-2: is of a run with other settings", "shards: false → true");
  }
}
