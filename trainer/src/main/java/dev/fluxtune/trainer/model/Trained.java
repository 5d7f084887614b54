package dev.fluxtune.trainer.model;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.trainer.adapter.Lora;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Which weights are trained: all, those of the last layers, or adapters. What lies below the lowest
 * of them has no backward pass and keeps nothing.
 */
public sealed interface Trained permits Trained.Everything, Trained.Last, Trained.Adapters {
  /** Every weight. */
  record Everything() implements Trained {
    @Override
    public List<String> names(ModelConfig config) {
      return List.copyOf(config.shapes().keySet());
    }
  }

  /**
   * The last layers.
   *
   * @param layers how many, from the top
   * @param head whether the head is trained with them
   */
  record Last(int layers, boolean head) implements Trained {
    public Last {
      if (layers < 1) {
        throw new IllegalArgumentException(
            "unfrozen_layers must be at least 1 (got " + layers + ")");
      }
    }

    @Override
    public List<String> names(ModelConfig config) {
      Set<String> names = new LinkedHashSet<>();
      for (int layer = Math.max(0, config.layers() - layers); layer < config.layers(); layer++) {
        names.addAll(config.layerNames(layer));
      }
      if (head) {
        if (config.tiedEmbeddings()) {
          throw new BadInputException(
              "train_head: the model's head is its embedding (tie_word_embeddings), which stays"
                  + " frozen with unfrozen_layers; leave train_head out, or train the whole model");
        }
        names.add(ModelConfig.HEAD);
      }
      return List.copyOf(names);
    }
  }

  /**
   * Adapters, and what is trained whole beside them.
   *
   * @param seed of the masks of their dropout
   */
  record Adapters(Lora adapters, long seed) implements Trained {
    @Override
    public Optional<Lora> lora() {
      return Optional.of(adapters);
    }

    @Override
    public List<String> names(ModelConfig config) {
      return List.copyOf(adapters.shapes(config.shapes()).keySet());
    }
  }

  static Trained everything() {
    return new Everything();
  }

  /**
   * {@code unfrozen_layers} and {@code train_head}; embeddings and the final norm stay frozen.
   *
   * @param layers at least 1; more than the model has means each of its layers
   */
  static Trained last(int layers, boolean head) {
    return new Last(layers, head);
  }

  /** The names of the trained weights, in the order of the model. */
  List<String> names(ModelConfig config);

  /** The lowest layer that has a backward pass; as many as there are: none has. */
  default int firstLayer(ModelConfig config) {
    List<String> names = names(config);
    if (names.contains(ModelConfig.EMBEDDING)) {
      return 0;
    }
    int layer = 0;
    while (layer < config.layers() && !trains(names, layer)) {
      layer++;
    }
    return layer;
  }

  /** The adapters, if that is what is trained. */
  default Optional<Lora> lora() {
    return Optional.empty();
  }

  private static boolean trains(List<String> names, int layer) {
    return names.stream().anyMatch(name -> name.startsWith("model.layers." + layer + "."));
  }
}
