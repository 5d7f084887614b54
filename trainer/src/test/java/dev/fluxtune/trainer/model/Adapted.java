package dev.fluxtune.trainer.model;

import ai.djl.Device;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.fluxtune.trainer.adapter.AdapterFolder;
import dev.fluxtune.trainer.adapter.Lora;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * A tiny model with adapters, and what PEFT makes of them; by tests/parity/make_adapters.py, or
 * drawn.
 *
 * @param folder empty: they are drawn
 */
public record Adapted(
    Fixture base, Lora lora, Optional<Path> folder, Map<String, float[]> expected) {
  public static final Path FOLDER = Path.of("src/test/resources/adapters");

  public static Adapted of(String name) {
    Path folder = FOLDER.resolve(name);
    try {
      Fixture base = Fixture.of(settings(name).path("model").textValue());
      return new Adapted(
          base,
          AdapterFolder.read(folder, base.config().shapes()).lora(),
          Optional.of(folder),
          Fixture.floats(folder.resolve("expected.safetensors")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** How its one step was made. */
  public static JsonNode settings(String name) {
    try {
      return new JsonMapper()
          .readTree(Files.readAllBytes(FOLDER.resolve(name).resolve("case.json")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static Adapted drawn(String shape, Lora.Settings settings) {
    Fixture base = Fixture.of(shape);
    return new Adapted(base, Lora.of(settings, base.config().shapes()), Optional.empty(), Map.of());
  }

  /** The same with another rate of dropout. */
  public Adapted dropping(double dropout) {
    Lora.Settings old = lora.settings();
    Lora.Settings settings =
        new Lora.Settings(
            old.rank(), old.alpha(), dropout, old.rslora(), old.targets(), old.modulesToSave());
    return new Adapted(base, new Lora(settings, lora.modules(), lora.saved()), folder, expected);
  }

  public Weights weights(Dtype dtype) {
    Weights weights = Weights.read(base.folder(), base.config(), Device.cpu(), dtype);
    adapt(weights);
    return weights;
  }

  /** Adds the adapters to the base's weights. */
  public void adapt(Weights weights) {
    if (folder.isPresent()) {
      AdapterFolder read = AdapterFolder.read(folder.get(), base.config().shapes());
      weights.adapt(new AdapterFolder(lora, read.file()), base.config());
    } else {
      weights.adapt(lora, base.config(), 1);
    }
  }

  public Llama.Options options(long seed, boolean checkpointing) {
    return new Llama.Options(new Trained.Adapters(lora, seed), checkpointing, false);
  }

  public float[] expected(String name) {
    float[] values = expected.get(name);
    if (values == null) {
      throw new IllegalArgumentException("nothing is expected of " + name);
    }
    return values;
  }
}
