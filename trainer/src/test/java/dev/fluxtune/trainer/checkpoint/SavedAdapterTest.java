package dev.fluxtune.trainer.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.trainer.adapter.AdapterFolder;
import dev.fluxtune.trainer.model.Adapted;
import dev.fluxtune.trainer.model.Dtype;
import dev.fluxtune.trainer.model.Fixture;
import dev.fluxtune.trainer.model.Llama;
import dev.fluxtune.trainer.model.TensorBytes;
import dev.fluxtune.trainer.model.Weights;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Adapters of PEFT read and written again. What is written stays under {@code target/adapters}, for
 * tests/parity/load_adapter.py to load it into PEFT.
 */
class SavedAdapterTest {
  private static final JsonMapper JSON = new JsonMapper();

  @ParameterizedTest
  @ValueSource(strings = {"defaults", "rslora", "tied", "regex", "biased", "whole", "layer"})
  void isWrittenAsPeftWritesIt(String name) throws IOException {
    Adapted adapted = Adapted.of(name);
    Path theirs = Adapted.FOLDER.resolve(name);
    Path out = Path.of("target/adapters").resolve(name);
    new Disk().delete(out);
    Checkpoints checkpoints = new Checkpoints(out);
    String base = AdapterFolder.base(theirs);
    SideFiles sideFiles =
        SideFiles.ofAdapter(AdapterFolder.config(adapted.lora(), base), Optional.empty());
    try (Weights weights = adapted.weights(Dtype.FLOAT32);
        TensorBytes bytes = new TensorBytes()) {
      Map<String, Content> contents = bytes.of(arrays(adapted, weights));
      Checkpoints.State state =
          new Checkpoints.State(
              contents, Map.of(), sideFiles, Saved.trainer(3, Optional.empty()), Saved.run(3));
      Checkpoint written = Checkpoint.read(checkpoints.write(state, Saved.ALL));
      assertThat(written.model()).containsOnlyKeys(contents.keySet());
      checkpoints.writeModel(contents, sideFiles);
      for (Path folder : new Path[] {out, written.folder()}) {
        assertThat(folder.resolve(CheckpointFormat.ADAPTER_WEIGHTS))
            .hasSameBinaryContentAs(theirs.resolve(CheckpointFormat.ADAPTER_WEIGHTS));
        assertSame(json(folder), json(theirs));
      }
      assertThat(Saved.names(out))
          .containsExactly(
              CheckpointFormat.ADAPTER_CONFIG, CheckpointFormat.ADAPTER_WEIGHTS, "checkpoint-3");
    }
    assertThat(AdapterFolder.read(out, adapted.base().config().shapes()).lora())
        .hasToString(adapted.lora().toString());
    writeLogits(adapted, out);
  }

  private static Map<String, NDArray> arrays(Adapted adapted, Weights weights) {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    adapted
        .lora()
        .shapes(adapted.base().config().shapes())
        .keySet()
        .forEach(name -> arrays.put(AdapterFolder.peftName(name), weights.get(name)));
    return arrays;
  }

  /** Every key of ours stands in theirs, with the same value; lists are sets to PEFT. */
  private static void assertSame(JsonNode ours, JsonNode theirs) {
    for (Map.Entry<String, JsonNode> key : ours.properties()) {
      JsonNode other = theirs.path(key.getKey());
      if (other.isArray()) {
        assertThat(texts(key.getValue())).as(key.getKey()).isEqualTo(texts(other));
      } else {
        assertThat(key.getValue()).as(key.getKey()).isEqualTo(other);
      }
    }
  }

  private static Set<String> texts(JsonNode list) {
    Set<String> texts = new TreeSet<>();
    list.forEach(text -> texts.add(text.textValue()));
    return texts;
  }

  private static JsonNode json(Path folder) throws IOException {
    return JSON.readTree(Files.readAllBytes(folder.resolve(CheckpointFormat.ADAPTER_CONFIG)));
  }

  /** What the base makes of the first document of its batch with these adapters. */
  private static void writeLogits(Adapted adapted, Path out) throws IOException {
    Fixture base = adapted.base();
    try (Weights weights = base.weights()) {
      weights.adapt(AdapterFolder.read(out, base.config().shapes()), base.config());
      try (Llama llama = new Llama(base.config(), weights, adapted.options(0, false))) {
        float[] logits = llama.logits(base.batch());
        assertThat(Fixture.distance(logits, adapted.expected("logits"))).isLessThan(1e-4);
        ByteBuffer numbers = ByteBuffer.allocate(4 * logits.length).order(ByteOrder.LITTLE_ENDIAN);
        numbers.asFloatBuffer().put(logits);
        Files.write(out.resolve("logits.f32"), numbers.array());
      }
    }
  }
}
