package dev.fluxtune.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The smallest model there is, for tests in which only the steps count: ids below 100. */
final class SmallModel {
  private SmallModel() {}

  /** Writes its configuration into a folder; its weights are drawn. */
  static Path in(Path folder) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"model_type": "llama", "vocab_size": 100, "hidden_size": 8, "intermediate_size": 8,
         "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1,
         "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "hidden_act": "silu",
         "initializer_range": 0.02, "tie_word_embeddings": true, "eos_token_id": 0}
        """);
    return folder;
  }
}
