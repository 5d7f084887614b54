package dev.fluxtune.app.command;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.app.config.Key;
import java.util.List;
import org.junit.jupiter.api.Test;

class SubcommandTest {
  private static List<String> explained(Subcommand subcommand) {
    return Key.all().stream().filter(subcommand::explains).map(Key::name).toList();
  }

  @Test
  void explainsWhatChangesItsResult() {
    assertThat(explained(Subcommand.PACK))
        .contains("dataset_name", "tokenizer_name_or_path", "packing_strategy", "output_dir")
        .doesNotContain("learning_rate", "warmup_steps", "lora_r");
    assertThat(explained(Subcommand.PLAN))
        .contains("dataset_name", "num_train_epochs", "warmup_steps", "dataloader_drop_last")
        .doesNotContain("output_dir", "learning_rate");
    assertThat(explained(Subcommand.GENERATE))
        .contains("model_name_or_path", "template", "column_mapping", "bf16", "seed")
        .doesNotContain("packing", "max_length", "learning_rate", "output_dir");
    assertThat(explained(Subcommand.INSPECT)).contains("max_length").doesNotContain("output_dir");
  }
}
