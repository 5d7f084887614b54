package dev.fluxtune.trainer.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.RunState;
import dev.fluxtune.schemas.Sha256;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Llama;
import dev.fluxtune.trainer.model.ModelConfig;
import dev.fluxtune.trainer.model.TensorBytes;
import dev.fluxtune.trainer.model.Trained;
import dev.fluxtune.trainer.model.Weights;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Real weights through a checkpoint. What is written stays under {@code target/checkpoints}, for
 * tests/parity/load_checkpoint.py to load it into transformers.
 */
class CheckpointedModelTest {
  private static final Path MODELS = Path.of("src/test/resources/models");
  private static final Path TOKENIZER = Path.of("../datasets/tiny-tasks/tokenizer");
  private static final int[] IDS = IntStream.range(0, 40).map(i -> (i * 37 + 5) % 96).toArray();

  @ParameterizedTest
  @CsvSource({
    "llama2, FLOAT32, 5000000000",
    "llama3, FLOAT32, 5000000000",
    "mistral, BFLOAT16, 5000000000",
    "qwen2, FLOAT32, 5000000000",
    "llama3, BFLOAT16, 20000",
    "qwen2, FLOAT32, 20000"
  })
  void comesBackToTheBit(String shape, Dtype dtype, long shardBytes) throws IOException {
    Path source = MODELS.resolve(shape);
    ModelConfig config = ModelConfig.read(source);
    Path out =
        Path.of("target/checkpoints")
            .resolve(shape + "-" + dtype + (shardBytes < 1e9 ? "-shards" : ""));
    new Disk().delete(out);
    Checkpoints checkpoints = new Checkpoints(out, new Disk(), shardBytes);
    try (Weights weights = Weights.read(source, config, Device.cpu(), dtype);
        Weights moments = Weights.random(config, 1, Device.cpu(), Dtype.FLOAT32);
        Weights again = Weights.random(config, 2, Device.cpu(), dtype);
        Weights momentsAgain = Weights.random(config, 3, Device.cpu(), Dtype.FLOAT32);
        TensorBytes bytes = new TensorBytes()) {
      SideFiles sideFiles = SideFiles.read(source, Optional.of(TOKENIZER));
      Map<String, Content> model = bytes.of(weights.arrays());
      Checkpoints.State state =
          new Checkpoints.State(
              model, bytes.of(arrays(moments, "exp_avg.")), sideFiles, trainer(), run());
      Checkpoint written =
          Checkpoint.read(checkpoints.write(state, new Checkpoints.Keep(1, false)));
      checkpoints.writeModel(model, sideFiles);

      bytes.read(written.model(), again.arrays());
      bytes.read(written.optimizer(), arrays(momentsAgain, "exp_avg."));
      assertThat(hashes(bytes, again)).isEqualTo(hashes(bytes, weights));
      assertThat(hashes(bytes, momentsAgain)).isEqualTo(hashes(bytes, moments));

      assertFiles(source, written.folder(), shardBytes > 1e9);
    }
    writeLogits(out, config);
  }

  private static void assertFiles(Path source, Path written, boolean one) {
    Path theirs = source.resolve(CheckpointFormat.WEIGHTS);
    if (one && Files.exists(theirs)) {
      assertThat(written.resolve(CheckpointFormat.WEIGHTS)).hasSameBinaryContentAs(theirs);
    }
    assertThat(Files.exists(written.resolve(CheckpointFormat.INDEX))).isNotEqualTo(one);
  }

  /** What the model, read from the run's folder as any other, makes of some tokens. */
  private static void writeLogits(Path out, ModelConfig config) throws IOException {
    Llama.Options options = new Llama.Options(Trained.everything(), false, false);
    try (Weights weights = Weights.read(out, ModelConfig.read(out), Device.cpu(), Dtype.FLOAT32);
        Llama llama = new Llama(config, weights, options)) {
      int[] labels = new int[IDS.length];
      Arrays.fill(labels, Chunk.IGNORED);
      Chunk chunk = new Chunk(IDS, labels, new int[] {IDS.length});
      float[] logits = llama.logits(Batch.stack(List.of(chunk), OptionalInt.empty()));
      ByteBuffer numbers = ByteBuffer.allocate(4 * logits.length).order(ByteOrder.LITTLE_ENDIAN);
      numbers.asFloatBuffer().put(logits);
      Files.write(out.resolve("logits.f32"), numbers.array());
      Files.writeString(
          out.resolve("ids.txt"),
          IntStream.of(IDS).mapToObj(Integer::toString).collect(Collectors.joining(" ")));
    }
  }

  private static Map<String, NDArray> arrays(Weights weights, String prefix) {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    weights.names().forEach(name -> arrays.put(prefix + name, weights.get(name)));
    return arrays;
  }

  private static Map<String, String> hashes(TensorBytes bytes, Weights weights) throws IOException {
    Map<String, String> hashes = new LinkedHashMap<>();
    for (Map.Entry<String, Content> one : bytes.of(weights.arrays()).entrySet()) {
      MessageDigest digest = Sha256.digest();
      one.getValue().writeTo(digest::update);
      hashes.put(one.getKey(), HexFormat.of().formatHex(digest.digest()));
    }
    return hashes;
  }

  private static TrainerState trainer() {
    return new TrainerState(
        12,
        40,
        0.9,
        3,
        2,
        5,
        500,
        500,
        12_345,
        Optional.of(new TrainerState.Best(1.5, 10, "out/checkpoint-10")),
        Optional.of(new TrainerState.Patience(3, 0.01, 1)),
        List.of(
            new TrainerState.Log(
                5, 0.375, Map.of("loss", 2.5, "grad_norm", 0.7, "learning_rate", 1e-5)),
            new TrainerState.Log(10, 0.75, Map.of("loss", Double.NaN, "learning_rate", 2e-5)),
            new TrainerState.Log(10, 0.75, Map.of("eval_loss", 1.5))));
  }

  private static RunState run() {
    ObjectNode settings = JsonNodeFactory.instance.objectNode().put("max_length", 40);
    return new RunState(
        CheckpointFormat.VERSION,
        Manifest.fingerprint(settings),
        settings,
        new StepPlan(27, 2, 1, false, 3, 40, 0),
        42,
        42,
        12,
        0,
        12,
        Position.START);
  }
}
