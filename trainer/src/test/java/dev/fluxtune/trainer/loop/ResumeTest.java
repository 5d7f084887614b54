package dev.fluxtune.trainer.loop;

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
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.checkpoint.Checkpoint;
import dev.fluxtune.trainer.checkpoint.Checkpoints;
import dev.fluxtune.trainer.checkpoint.SideFiles;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Fixture;
import dev.fluxtune.trainer.model.Llama;
import dev.fluxtune.trainer.model.TensorBytes;
import dev.fluxtune.trainer.model.Trained;
import dev.fluxtune.trainer.model.Weights;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;

/** A run that goes on from its checkpoint makes the weights of one that never stopped. */
class ResumeTest {
  private static final Optimizer.Settings ADAM = new Optimizer.Settings(0.9, 0.999, 1e-8, 0.01, 1);
  private static final StepPlan PLAN = new StepPlan(8, 2, 1, false, 2, -1, 0);
  private static final Trained TRAINED = Trained.last(1, true);
  private static final long STOP = 3; // in the middle of an epoch

  private final Fixture fixture = Fixture.of("qwen2");
  private final Flux<Batch> batches = Rig.epochs(chunks(), 2, false, 2);

  @TempDir Path out;

  private static List<Chunk> chunks() {
    return Rig.chunks(8, 40, 96, 11);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void goesOnToTheBit(boolean masters) {
    Map<String, float[]> expected;
    try (Rig straight = rig(fixture.folder(), masters);
        TensorBytes bytes = new TensorBytes()) {
      straight.train(
          PLAN,
          Rig.settings(1e-2)
              .save(Every.steps(STOP), last -> write(straight, bytes, last.step(), last.epoch())),
          batches);
      expected = values(straight);
    }
    Checkpoint checkpoint = Checkpoint.read(out.resolve(CheckpointFormat.folder(STOP)));
    assertThat(checkpoint.run().step()).isEqualTo(STOP);
    try (Rig resumed = rig(checkpoint.folder(), masters);
        TensorBytes bytes = new TensorBytes()) {
      assertThat(values(resumed)).isNotEqualTo(expected);
      bytes.read(checkpoint.optimizer(), moments(resumed.optimizer()));
      resumed.train(
          PLAN,
          Rig.settings(1e-2).after(STOP, true),
          batches.skip(checkpoint.run().microBatches()));
      values(resumed)
          .forEach((name, values) -> assertThat(values).as(name).isEqualTo(expected.get(name)));
    }
  }

  /**
   * With masters the model's files hold those, and the weights that products use follow from them.
   */
  private Path write(Rig rig, TensorBytes bytes, long step, double epoch) {
    Map<String, NDArray> model = new LinkedHashMap<>(rig.weights().arrays());
    rig.optimizer()
        .state()
        .forEach(
            (name, array) -> {
              if (name.startsWith("master.")) {
                model.replace(name.substring("master.".length()), array);
              }
            });
    ObjectNode settings = JsonNodeFactory.instance.objectNode();
    RunState run =
        new RunState(
            CheckpointFormat.VERSION,
            Manifest.fingerprint(settings),
            settings,
            PLAN,
            1,
            1,
            step,
            0,
            Math.min(step, PLAN.microBatchesPerEpoch()),
            Position.START);
    TrainerState trainer =
        new TrainerState(
            step,
            PLAN.totalSteps(),
            epoch,
            2,
            2,
            1,
            0,
            STOP,
            0,
            Optional.empty(),
            Optional.empty(),
            List.of());
    return new Checkpoints(out)
        .write(
            new Checkpoints.State(
                bytes.of(model),
                bytes.of(moments(rig.optimizer())),
                SideFiles.read(fixture.folder(), Optional.empty()),
                trainer,
                run),
            new Checkpoints.Keep(0, false));
  }

  private static Map<String, NDArray> moments(Optimizer optimizer) {
    Map<String, NDArray> moments = new LinkedHashMap<>(optimizer.state());
    moments.keySet().removeIf(name -> name.startsWith("master."));
    return moments;
  }

  private Rig rig(Path folder, boolean masters) {
    Dtype dtype = masters ? Dtype.BFLOAT16 : Dtype.FLOAT32;
    Weights weights = Weights.read(folder, fixture.config(), Device.cpu(), dtype);
    List<String> names = TRAINED.names(fixture.config());
    Llama llama = new Llama(fixture.config(), weights, new Llama.Options(TRAINED, true, false));
    Optimizer optimizer =
        masters
            ? Optimizer.withMasters(
                weights,
                Weights.read(folder, fixture.config(), names, Device.cpu(), Dtype.FLOAT32),
                ADAM)
            : Optimizer.of(weights, names, ADAM);
    return new Rig(fixture.config(), weights, llama, optimizer);
  }

  /** What is trained, in full precision, and the moments. */
  private static Map<String, float[]> values(Rig rig) {
    Map<String, float[]> values = new LinkedHashMap<>();
    rig.optimizer().state().forEach((name, array) -> values.put(name, array.toFloatArray()));
    if (rig.weights().dtype() == Dtype.FLOAT32) {
      values.putAll(rig.values());
    }
    return values;
  }
}
