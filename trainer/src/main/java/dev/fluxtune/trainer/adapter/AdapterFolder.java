package dev.fluxtune.trainer.adapter;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import dev.fluxtune.trainer.checkpoint.SafeTensors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A folder with adapters as PEFT saves them, whoever wrote it.
 *
 * @param file holds each weight of {@code lora} under its PEFT name, and no other
 */
public record AdapterFolder(Lora lora, SafeTensors file) {
  private static final String PREFIX = "base_model.model.";
  private static final Set<String> READABLE = Set.of("F32", "BF16", "F16", "F64");

  /** Whether a folder says that it holds adapters. */
  public static boolean is(Path folder) {
    return Files.exists(folder.resolve(CheckpointFormat.ADAPTER_CONFIG));
  }

  /** The model that a folder's adapters belong to, as its configuration names it. */
  public static String base(Path folder) {
    return AdapterConfig.read(folder).base();
  }

  /** What to tell where a folder's adapters name another base than {@code given}. */
  public static Optional<String> otherBase(Path folder, String given) {
    return Optional.of(base(folder))
        .filter(named -> !absolute(named).equals(absolute(given)))
        .map(named -> "the adapter names another folder as its base, " + named);
  }

  private static Path absolute(String folder) {
    return Path.of(folder).toAbsolutePath().normalize();
  }

  /**
   * Reads what the adapters are, and where their numbers lie.
   *
   * @param shapes every weight of the base, in its order
   * @throws BadInputException if they are of another base, damaged, or of a kind that is not
   *     supported
   */
  public static AdapterFolder read(Path folder, Map<String, List<Long>> shapes) {
    Lora.Settings settings = AdapterConfig.read(folder).settings();
    Lora lora;
    try {
      lora = Lora.ofSaved(settings, shapes);
    } catch (BadInputException e) {
      throw new BadInputException("the adapter in %s: %s".formatted(folder, e.getMessage()), e);
    }
    Path weights = folder.resolve(CheckpointFormat.ADAPTER_WEIGHTS);
    if (!Files.exists(weights)) {
      throw new BadInputException(
          "%s holds no %s: fetch it, or save the adapter again with PEFT (not as .bin)"
              .formatted(folder, CheckpointFormat.ADAPTER_WEIGHTS));
    }
    SafeTensors file = SafeTensors.read(weights);
    check(lora.shapes(shapes), file);
    return new AdapterFolder(lora, file);
  }

  private static void check(Map<String, List<Long>> wanted, SafeTensors file) {
    Map<String, SafeTensors.Tensor> left = new LinkedHashMap<>(file.tensors());
    List<String> problems = new ArrayList<>();
    wanted.forEach(
        (name, shape) -> {
          SafeTensors.Tensor tensor = left.remove(peftName(name));
          if (tensor == null) {
            problems.add(peftName(name) + " is missing");
          } else if (!tensor.shape().equals(shape)) {
            problems.add(
                "%s has shape %s where the base makes it %s"
                    .formatted(peftName(name), tensor.shape(), shape));
          } else if (!READABLE.contains(tensor.dtype())) {
            problems.add("%s is of dtype %s".formatted(peftName(name), tensor.dtype()));
          }
        });
    left.keySet().forEach(name -> problems.add(name + " has no place in the base"));
    if (!problems.isEmpty()) {
      throw BadInputException.of(
          "the adapter in %s does not fit the base model; give the base it was trained on:"
              .formatted(file.file()),
          problems);
    }
  }

  /** The name that PEFT gives a weight. */
  public static String peftName(String name) {
    return PREFIX + name;
  }

  /** Where a weight's numbers lie. */
  public SafeTensors.Tensor tensor(String name) {
    SafeTensors.Tensor tensor = file.tensors().get(peftName(name));
    if (tensor == null) {
      throw new IllegalArgumentException("no " + name + " in " + file.file());
    }
    return tensor;
  }

  /** The text of {@code adapter_config.json}. */
  public static byte[] config(Lora lora, String base) {
    return AdapterConfig.text(lora, base);
  }
}
