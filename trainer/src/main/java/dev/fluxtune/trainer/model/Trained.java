package dev.fluxtune.trainer.model;

import dev.fluxtune.schemas.BadInputException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Which weights are trained: all, or those of the last layers. What lies below the lowest of them
 * has no backward pass and keeps nothing.
 *
 * @param all every weight; the other two are then without meaning
 * @param lastLayers how many layers from the top
 * @param head whether the head is trained with them
 */
public record Trained(boolean all, int lastLayers, boolean head) {
  public static Trained everything() {
    return new Trained(true, 0, false);
  }

  /**
   * {@code unfrozen_layers} and {@code train_head}; embeddings and the final norm stay frozen.
   *
   * @param layers at least 1; more than the model has means each of its layers
   */
  public static Trained last(int layers, boolean head) {
    if (layers < 1) {
      throw new IllegalArgumentException("unfrozen_layers must be at least 1 (got " + layers + ")");
    }
    return new Trained(false, layers, head);
  }

  /** The lowest layer that has a backward pass. */
  int firstLayer(ModelConfig config) {
    return all ? 0 : Math.max(0, config.layers() - lastLayers);
  }

  /** The names of the trained weights, in the order of the model. */
  public List<String> names(ModelConfig config) {
    if (all) {
      return List.copyOf(config.shapes().keySet());
    }
    Set<String> names = new LinkedHashSet<>();
    for (int layer = firstLayer(config); layer < config.layers(); layer++) {
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
