package dev.fluxtune.trainer.adapter;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Nearest;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The modules of a model by name, as PEFT finds targets among them: those that hold weights, and
 * those that hold modules.
 */
final class Modules {
  private static final Set<String> EMBEDDINGS = Set.of("model.embed_tokens", "lm_head");

  private final Map<String, List<Long>> shapes;
  private final Set<String> all = new LinkedHashSet<>();

  private Modules(Map<String, List<Long>> shapes) {
    this.shapes = shapes;
    for (String name : shapes.keySet()) {
      String module = of(name);
      for (int dot = module.indexOf('.'); dot >= 0; dot = module.indexOf('.', dot + 1)) {
        all.add(module.substring(0, dot));
      }
      all.add(module);
    }
  }

  static Modules of(Map<String, List<Long>> shapes) {
    return new Modules(shapes);
  }

  /** The module of a weight or bias. */
  static String of(String weight) {
    return weight.substring(0, weight.lastIndexOf('.'));
  }

  /** Refuses names that are not there: misspelt, or of another kind of model. */
  void checkThere(Targets targets) {
    List<String> names = targets instanceof Targets.Names it ? it.names() : List.of();
    for (String name : names) {
      if (all.stream().noneMatch(new Targets.Names(List.of(name))::match)) {
        throw new BadInputException(
            "lora_target_modules: the model has no module %s%s"
                .formatted(name, nearestAndAll(name)));
      }
    }
  }

  /** What has an adapter, in the order of the model. */
  List<String> adapted(Targets targets, List<String> modulesToSave, List<String> saved) {
    List<String> matched =
        all.stream().filter(it -> targets.match(it) && !isIn(it, modulesToSave)).toList();
    if (matched.isEmpty()) {
      throw new BadInputException(
          "lora_target_modules: no module is left to adapt%s"
              .formatted(
                  targets instanceof Targets.Regex regex
                      ? ", %s must match a whole name%s"
                          .formatted(regex.pattern(), nearestAndAll(regex.pattern().pattern()))
                      : "; " + whatThereIs()));
    }
    for (String module : matched) {
      checkAdaptable(module, saved);
    }
    return matched;
  }

  private static void checkAdaptable(String module, List<String> saved) {
    if (!isProduct(module)) {
      throw new BadInputException(
          "lora_target_modules: %s cannot have an adapter%s; %s"
              .formatted(
                  module,
                  EMBEDDINGS.contains(module) ? " (lora_modules_to_save trains it whole)" : "",
                  whatThereIs()));
    }
    if (saved.contains(module + ".weight")) {
      throw new BadInputException(
          "%s is in lora_target_modules and in lora_modules_to_save: name it in one of them"
              .formatted(module));
    }
  }

  /** PEFT adapts nothing in a module that is trained whole. */
  private static boolean isIn(String module, List<String> modulesToSave) {
    return modulesToSave.stream().anyMatch(it -> ("." + module + ".").contains("." + it + "."));
  }

  private static boolean isProduct(String module) {
    return Targets.PRODUCTS.contains(module.substring(module.lastIndexOf('.') + 1));
  }

  /** The weights of the modules to save, whose names end so, in the order of the model. */
  List<String> saved(List<String> modulesToSave) {
    Set<String> found = new LinkedHashSet<>();
    for (String end : modulesToSave) {
      List<String> modules = all.stream().filter(it -> it.endsWith(end)).toList();
      if (isTied() && "lm_head".endsWith(end) && !end.isEmpty()) {
        throw tied();
      }
      if (end.isEmpty() || modules.isEmpty()) {
        throw new BadInputException(
            "lora_modules_to_save: the model has no module %s; it has embed_tokens%s, norm and, in each layer, input_layernorm, post_attention_layernorm, %s"
                .formatted(
                    end,
                    all.contains("lm_head") ? ", lm_head" : "",
                    String.join(", ", Targets.PRODUCTS)));
      }
      found.addAll(modules);
    }
    checkNotTied(found);
    List<String> weights = new ArrayList<>();
    for (String weight : shapes.keySet()) {
      if (found.stream().anyMatch(module -> weight.startsWith(module + "."))) {
        weights.add(weight);
      }
    }
    return List.copyOf(weights);
  }

  private boolean isTied() {
    return !shapes.containsKey("lm_head.weight");
  }

  private void checkNotTied(Set<String> found) {
    if (isTied() && found.stream().anyMatch(it -> "model.embed_tokens.".startsWith(it + "."))) {
      throw tied();
    }
  }

  private static BadInputException tied() {
    return new BadInputException(
        "lora_modules_to_save: the model's head is its embedding (tie_word_embeddings), and one"
            + " cannot be trained whole without the other; leave embed_tokens and lm_head out");
  }

  /** The name that was meant, perhaps, and those that there are. */
  private static String nearestAndAll(String name) {
    String hint = Nearest.hint(name, Targets.PRODUCTS);
    return (hint.isEmpty() ? "; " : hint + " ") + whatThereIs();
  }

  private static String whatThereIs() {
    return "adapters go to "
        + String.join(", ", Targets.PRODUCTS)
        + " of each layer, as in model.layers.0.self_attn.q_proj";
  }
}
