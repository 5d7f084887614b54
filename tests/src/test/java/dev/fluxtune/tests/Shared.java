package dev.fluxtune.tests;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.schemas.Example;
import dev.fluxtune.schemas.Example.Instruction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Real rows and tokenizers that are too large to be part of the repository: a folder {@code shared}
 * beside it, or where {@code FLUXTUNE_SHARED} says. Holds {@code tokenizers/NAME/tokenizer.json}
 * and {@code data/NAME.json}.
 */
public final class Shared {
  private Shared() {}

  /** Where it should be. */
  public static Path folder() {
    return Optional.ofNullable(System.getenv("FLUXTUNE_SHARED"))
        .map(Path::of)
        .orElseGet(() -> Path.of(System.getProperty("fluxtune.home", ".")).resolve("../shared"))
        .normalize();
  }

  /** Skips the test, and says so, where the folder is absent. */
  static Path orSkip(String test) {
    Path folder = folder();
    if (!Files.isDirectory(folder)) {
      String why =
          test
              + " SKIPPED: no folder "
              + folder
              + "; set FLUXTUNE_SHARED to the one that has the"
              + " tokenizers and the data";
      System.err.println(why);
      assumeTrue(false, why);
    }
    return folder;
  }

  /** The Alpaca rows of a JSON array. */
  public static List<Example> rows(Path json) throws IOException {
    List<Example> rows = new ArrayList<>();
    for (JsonNode row : new ObjectMapper().readTree(Files.readAllBytes(json))) {
      rows.add(
          new Instruction(
              row.get("instruction").textValue(),
              row.path("input").asText(""),
              row.get("output").textValue()));
    }
    return rows;
  }
}
