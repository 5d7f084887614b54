package dev.fluxtune.trainer.checkpoint;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.RunState;
import dev.fluxtune.schemas.StepPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** What the tests write into checkpoints, and how they look at it. */
final class Saved {
  static final Checkpoints.Keep ALL = new Checkpoints.Keep(0, false);
  static final String CONFIG =
      "{\"model_type\": \"llama\", \"eos_token_id\": [2, 3],\n \"torch_dtype\": \"float32\", \"architectures\": [\"X\"]}";

  private Saved() {}

  /** Makes a model's folder. */
  static Path model(Path folder) throws IOException {
    Path model = Files.createDirectory(folder.resolve("model"));
    Files.writeString(model.resolve("config.json"), CONFIG);
    Files.writeString(model.resolve("tokenizer.json"), "{}");
    Files.writeString(model.resolve("README.md"), "not ours");
    return model;
  }

  static Checkpoints.State state(Path model, long step, int seed) {
    return state(model, step, seed, Optional.empty());
  }

  static Checkpoints.State state(
      Path model, long step, int seed, Optional<TrainerState.Best> best) {
    Map<String, Content> optimizer = new TreeMap<>();
    optimizer.put("exp_avg.a", new Numbers("F32", List.of(2L, 3L), numbers(seed + 2, 24)));
    return new Checkpoints.State(
        weights(seed), optimizer, sideFiles(model), trainer(step, best), run(step));
  }

  static SideFiles sideFiles(Path model) {
    return SideFiles.read(model, Optional.of(model));
  }

  static Checkpoints.Keep keep(int limit) {
    return new Checkpoints.Keep(limit, false);
  }

  /** The newest whole checkpoint, where none is damaged. */
  static Checkpoint newest(Checkpoints checkpoints) {
    return checkpoints
        .newestWhole(
            damage -> {
              throw new AssertionError(damage);
            })
        .orElseThrow();
  }

  static TrainerState trainer(long step, Optional<TrainerState.Best> best) {
    TrainerState.Log log = new TrainerState.Log(step, 0.25, Map.of("loss", 1e-7, "grad_norm", 2.0));
    return new TrainerState(
        step,
        100,
        0.25,
        3,
        8,
        10,
        500,
        500,
        4096,
        best,
        Optional.of(new TrainerState.Patience(3, 0.01, 1)),
        List.of(log));
  }

  static RunState run(long step) {
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
  static Map<String, Content> weights(int seed) {
    Map<String, Content> weights = new LinkedHashMap<>();
    weights.put("a", new Numbers("F32", List.of(2L, 3L), numbers(seed, 24)));
    weights.put("b", new Numbers("F32", List.of(5L), numbers(seed, 20)));
    weights.put("c", new Numbers("BF16", List.of(2L), numbers(seed, 4)));
    return weights;
  }

  static byte[] numbers(int seed, int count) {
    byte[] bytes = new byte[count];
    IntStream.range(0, count).forEach(i -> bytes[i] = (byte) (i * 7 + seed));
    return bytes;
  }

  static byte[] bytes(Map<String, SafeTensors> files, String name) throws IOException {
    SafeTensors file = files.get(name);
    SafeTensors.Tensor tensor = file.tensors().get(name);
    return Arrays.copyOfRange(
        Files.readAllBytes(file.file()), (int) tensor.start(), (int) tensor.end());
  }

  static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }
}
