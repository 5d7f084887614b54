package dev.fluxtune.trainer.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.RunState;
import dev.fluxtune.schemas.StepPlan;
import java.io.IOException;
import java.io.Serial;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointsTest {
  private static final Checkpoints.Keep ALL = new Checkpoints.Keep(0, false);
  private static final String CONFIG =
      "{\"model_type\": \"llama\", \"eos_token_id\": [2, 3],\n \"torch_dtype\": \"float32\", \"architectures\": [\"X\"]}";

  @TempDir Path temporary;
  private Path model;
  private Path out;
  private Checkpoints checkpoints;

  @BeforeEach
  void aModelFolder() throws IOException {
    model = Files.createDirectory(temporary.resolve("model"));
    out = temporary.resolve("runs/out");
    Files.writeString(model.resolve("config.json"), CONFIG);
    Files.writeString(model.resolve("tokenizer.json"), "{}");
    Files.writeString(model.resolve("README.md"), "not ours");
    checkpoints = new Checkpoints(out);
  }

  @Test
  void comesBackAsItWasWritten() throws IOException {
    Path folder = checkpoints.write(state(7, 1), ALL);
    assertThat(folder).isEqualTo(out.resolve("checkpoint-7"));
    assertThat(names(folder))
        .containsExactly(
            "config.json",
            "fluxtune_files.json",
            "fluxtune_state.json",
            "generation_config.json",
            "model.safetensors",
            "optimizer.safetensors",
            "tokenizer.json",
            "trainer_state.json");
    assertThat(Files.readString(folder.resolve("config.json"))).isEqualTo(CONFIG);
    Checkpoint found = Checkpoint.read(folder);
    assertThat(found.run()).isEqualTo(run(7));
    assertThat(found.trainer()).isEqualTo(trainer(7, Optional.empty()));
    assertThat(found.model().keySet()).containsExactlyInAnyOrder("a", "b", "c");
    assertThat(bytes(found.model(), "b")).isEqualTo(numbers(1, 20));
    assertThat(bytes(found.optimizer(), "exp_avg.a")).isEqualTo(numbers(3, 24));
    assertThat(names(out)).containsExactly("checkpoint-7");
  }

  @Test
  void generationSettingsAreMadeWhereTheModelHasNone() throws IOException {
    Path folder = checkpoints.write(state(1, 1), ALL);
    assertThat(Files.readString(folder.resolve("generation_config.json")))
        .contains("\"_from_model_config\" : true", "\"eos_token_id\" : [ 2, 3 ]")
        .doesNotContain("bos");
  }

  @Test
  void theConfigurationNamesTheTypeOfTheWeights() throws IOException {
    Files.writeString(model.resolve("config.json"), "{\"model_type\": \"qwen2\"}");
    Map<String, Content> narrow = new LinkedHashMap<>();
    narrow.put("a", new Numbers("BF16", List.of(2L), numbers(0, 4)));
    checkpoints.writeModel(narrow, sideFiles());
    assertThat(Files.readString(out.resolve("config.json")))
        .contains("\"torch_dtype\" : \"bfloat16\"", "Qwen2ForCausalLM");
    narrow.put("b", new Numbers("F32", List.of(1L), numbers(0, 4)));
    checkpoints.writeModel(narrow, sideFiles());
    assertThat(Files.readString(out.resolve("config.json"))).contains("\"float32\"");
  }

  @Test
  void everyDamageIsRecognizedAndTheOneBeforeTaken() throws IOException {
    checkpoints.write(state(1, 1), ALL);
    Path newest = checkpoints.write(state(2, 2), ALL);
    for (String name : names(newest)) {
      Path file = newest.resolve(name);
      byte[] whole = Files.readAllBytes(file);
      for (int at = 0; at < whole.length; at += Math.max(1, whole.length / 40)) {
        byte[] flipped = whole.clone();
        flipped[at] ^= 1;
        Files.write(file, flipped);
        assertDamaged(newest, name);
      }
      Files.write(file, Arrays.copyOf(whole, whole.length - 1));
      assertDamaged(newest, name);
      Files.delete(file);
      assertDamaged(newest, name);
      Files.write(file, whole);
      assertThat(checkpoints.newestWhole(CheckpointsTest::never).orElseThrow().folder())
          .isEqualTo(newest);
    }
  }

  private void assertDamaged(Path newest, String file) {
    // In the list itself another name or digest may be what is wrong.
    String named = file.equals(CheckpointFormat.FILES) ? "" : file;
    List<String> said = new ArrayList<>();
    assertThat(checkpoints.newestWhole(said::add).orElseThrow().run().step()).isEqualTo(1);
    assertThat(said).singleElement().asString().contains("checkpoint-2 is damaged", named);
    assertThatThrownBy(() -> Checkpoint.read(newest))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining(named);
  }

  @Test
  void aKillAtAnyMomentLeavesAWholeCheckpoint() throws IOException {
    // What is written replaces a checkpoint of its own step and crowds out another.
    Path before = temporary.resolve("before");
    new Checkpoints(before).write(state(1, 1), ALL);
    new Checkpoints(before).write(state(2, 2), ALL);
    int moments = 0;
    for (int moment = 0; ; moment++) {
      out = temporary.resolve("killed-" + moment);
      checkpoints = new Checkpoints(out);
      copy(before, out);
      boolean killed = killed(moment, disk -> disk.write(state(2, 3), keep(1)));
      if (!killed) {
        break;
      }
      moments++;
      assertWhole();
      checkpoints.tidy();
      assertThat(names(out)).allMatch(name -> name.matches("checkpoint-[12]"));
      assertThat(checkpoints.newestWhole(CheckpointsTest::never).orElseThrow().run().step())
          .as("killed before change %d", moment)
          .isEqualTo(2);
    }
    assertThat(moments).isGreaterThan(40);
    assertThat(names(out)).containsExactly("checkpoint-2");
    assertThat(bytes(Checkpoint.read(out.resolve("checkpoint-2")).model(), "b"))
        .isEqualTo(numbers(3, 20));
  }

  @Test
  void aKillWhileTidyingIsTidiedLater() throws IOException {
    checkpoints.write(state(1, 1), ALL);
    assertThat(killed(20, disk -> disk.write(state(2, 2), ALL))).isTrue();
    Path before = out;
    assertThat(names(before)).contains(".checkpoint-2.tmp");
    for (int moment = 0; ; moment++) {
      out = temporary.resolve("tidied-" + moment);
      checkpoints = new Checkpoints(out);
      copy(before, out);
      if (!killed(moment, Checkpoints::tidy)) {
        break;
      }
      assertWhole();
      checkpoints.tidy();
      assertThat(names(out)).containsExactly("checkpoint-1");
    }
    assertThat(names(out)).containsExactly("checkpoint-1");
  }

  @Test
  void aKillNeverMixesTwoModels() throws IOException {
    Path before = temporary.resolve("before");
    new Checkpoints(before, new Disk(), 25).writeModel(weights(1), sideFiles());
    for (long shardBytes : new long[] {25, 1000}) {
      for (int moment = 0; ; moment++) {
        out = temporary.resolve("model-" + shardBytes + "-" + moment);
        copy(before, out);
        boolean killed =
            killed(moment, shardBytes, disk -> disk.writeModel(weights(2), sideFiles()));
        List<Integer> seeds = new ArrayList<>();
        try {
          Map<String, SafeTensors> found = ModelFiles.read(out);
          for (String name : List.of("a", "b", "c")) {
            byte[] bytes = bytes(found, name);
            seeds.add(Arrays.equals(bytes, numbers(1, bytes.length)) ? 1 : 2);
          }
        } catch (BadInputException e) {
          assertThat(e).hasMessageContaining("holds neither");
        }
        assertThat(seeds.stream().distinct().count()).isLessThanOrEqualTo(1);
        if (!killed) {
          assertThat(seeds).containsExactly(2, 2, 2);
          assertThat(names(out)).noneMatch(name -> name.startsWith("."));
          break;
        }
      }
    }
  }

  @Test
  void shardsAreCutAsTransformersCutsThem() throws IOException {
    checkpoints = new Checkpoints(out, new Disk(), 28);
    checkpoints.writeModel(weights(1), sideFiles());
    assertThat(names(out))
        .contains(
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json")
        .doesNotContain("model.safetensors");
    Map<String, SafeTensors> found = ModelFiles.read(out);
    assertThat(found.get("a").file().getFileName()).hasToString("model-00001-of-00002.safetensors");
    assertThat(found.get("b")).isNotSameAs(found.get("a")).isEqualTo(found.get("c"));
    assertThat(bytes(found, "c")).isEqualTo(numbers(1, 4));
    assertThat(Files.readString(out.resolve("model.safetensors.index.json")))
        .contains("\"total_parameters\" : 13", "\"total_size\" : 48");
  }

  @Test
  void theOldestGoAndTheBestStays() throws IOException {
    TrainerState.Best best = new TrainerState.Best(0.5, 1, "checkpoint-1");
    for (int step = 1; step <= 5; step++) {
      checkpoints.write(state(step, step, Optional.of(best)), new Checkpoints.Keep(2, true));
    }
    assertThat(names(out)).containsExactly("checkpoint-1", "checkpoint-5");
    checkpoints.write(state(6, 1, Optional.of(best)), new Checkpoints.Keep(1, false));
    assertThat(names(out)).containsExactly("checkpoint-6");
  }

  @Test
  void whatARunThatWentBackLeftBehindGoesFirst() throws IOException {
    for (int step : new int[] {1, 2, 30}) {
      checkpoints.write(state(step, step), ALL);
    }
    checkpoints.write(state(3, 3), keep(3));
    assertThat(names(out)).containsExactly("checkpoint-1", "checkpoint-2", "checkpoint-3");
  }

  @Test
  void aFullDiskIsSaidAndLeavesNothingHalf() throws IOException {
    Map<String, Content> failing = new LinkedHashMap<>(weights(1));
    failing.put(
        "d",
        new Numbers("F32", List.of(1L), numbers(0, 4)) {
          @Override
          public void writeTo(Sink sink) throws IOException {
            throw new IOException("No space left on device");
          }
        });
    Checkpoints.State whole = state(3, 3);
    assertThatThrownBy(
            () ->
                checkpoints.write(
                    new Checkpoints.State(
                        failing,
                        whole.optimizer(),
                        whole.sideFiles(),
                        whole.trainer(),
                        whole.run()),
                    ALL))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("checkpoint-3")
        .hasMessageContaining("No space left on device");
    assertThat(names(out)).isEmpty();
  }

  @Test
  void noFolderHasNoCheckpoint() {
    assertThat(checkpoints.newestWhole(CheckpointsTest::never)).isEmpty();
    checkpoints.tidy();
  }

  private static Checkpoints.Keep keep(int limit) {
    return new Checkpoints.Keep(limit, false);
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path one : all.toList()) {
        Path copy = to.resolve(from.relativize(one).toString());
        Files.createDirectories(copy.resolveSibling(""));
        Files.copy(one, copy);
      }
    }
  }

  private void assertWhole() throws IOException {
    for (String name : names(out)) {
      if (CheckpointFormat.step(name).isPresent()) {
        Checkpoint.read(out.resolve(name));
      }
    }
  }

  private boolean killed(int moment, Interrupted work) {
    return killed(moment, 1000, work);
  }

  /** Ends the world before a change of the disk; false if there were fewer. */
  private boolean killed(int moment, long shardBytes, Interrupted work) {
    int[] left = {moment};
    Disk mortal =
        new Disk() {
          @Override
          void before(Path changed) {
            if (left[0]-- == 0) {
              throw new Killed();
            }
          }
        };
    try {
      work.on(new Checkpoints(out, mortal, shardBytes));
      return false;
    } catch (Killed e) {
      return true;
    }
  }

  private interface Interrupted {
    void on(Checkpoints checkpoints);
  }

  private static final class Killed extends Error {
    @Serial private static final long serialVersionUID = 1L;
  }

  private static void never(String message) {
    throw new AssertionError(message);
  }

  private Checkpoints.State state(long step, int seed) {
    return state(step, seed, Optional.empty());
  }

  private Checkpoints.State state(long step, int seed, Optional<TrainerState.Best> best) {
    Map<String, Content> optimizer = new TreeMap<>();
    optimizer.put("exp_avg.a", new Numbers("F32", List.of(2L, 3L), numbers(seed + 2, 24)));
    return new Checkpoints.State(
        weights(seed), optimizer, sideFiles(), trainer(step, best), run(step));
  }

  private SideFiles sideFiles() {
    return SideFiles.read(model, Optional.of(model));
  }

  private static TrainerState trainer(long step, Optional<TrainerState.Best> best) {
    TrainerState.Log log = new TrainerState.Log(step, 0.25, Map.of("loss", 1e-7, "grad_norm", 2.0));
    return new TrainerState(step, 100, 0.25, 3, 8, 10, 500, 500, 4096, best, List.of(log));
  }

  private static RunState run(long step) {
    ObjectNode settings = JsonNodeFactory.instance.objectNode().put("learning_rate", 2e-5);
    return new RunState(
        CheckpointFormat.VERSION,
        Manifest.fingerprint(settings),
        settings,
        new StepPlan(80, 2, 1, false, 3, 0, 0.1),
        42,
        43,
        step,
        0,
        step,
        new Position(17, 5, Ledger.EMPTY));
  }

  /** a: 24 bytes, b: 20, c: 4. */
  private static Map<String, Content> weights(int seed) {
    Map<String, Content> weights = new LinkedHashMap<>();
    weights.put("a", new Numbers("F32", List.of(2L, 3L), numbers(seed, 24)));
    weights.put("b", new Numbers("F32", List.of(5L), numbers(seed, 20)));
    weights.put("c", new Numbers("BF16", List.of(2L), numbers(seed, 4)));
    return weights;
  }

  private static byte[] numbers(int seed, int count) {
    byte[] bytes = new byte[count];
    IntStream.range(0, count).forEach(i -> bytes[i] = (byte) (i * 7 + seed));
    return bytes;
  }

  private static byte[] bytes(Map<String, SafeTensors> files, String name) throws IOException {
    SafeTensors file = files.get(name);
    SafeTensors.Tensor tensor = file.tensors().get(name);
    return Arrays.copyOfRange(
        Files.readAllBytes(file.file()), (int) tensor.start(), (int) tensor.end());
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }
}
