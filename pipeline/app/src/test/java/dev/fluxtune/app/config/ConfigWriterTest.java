package dev.fluxtune.app.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.RunConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigWriterTest {
  @TempDir Path folder;

  private Parsed parse(String yaml) throws IOException {
    Path file = Files.writeString(folder.resolve("run.yaml"), yaml);
    return ConfigParser.parse(Optional.of(file), List.of(), List.of(), Optional.empty());
  }

  @Test
  void writesWhatTheParserReadsBack() throws IOException {
    RunConfig config =
        parse(
                """
                dataset_name: "no"
                run_name: "2024-01-01"
                eos_token: "</s>: # \\t\\u00e9"
                max_length: null
                packing: false
                bf16: false
                learning_rate: 2e-5
                seed: 9223372036854775807
                lr_scheduler_type: cosine_with_min_lr
                lr_scheduler_kwargs: {min_lr: 1e-6}
                column_mapping: {"true": prompt, answer: completion}
                lora_target_modules: [q_proj, "null", "1e3"]
                dtype: auto
                """)
            .config();
    assertThat(config.model().eosToken()).contains("</s>: # \t\u00e9");
    assertThat(parse(ConfigWriter.yaml(config)).config()).isEqualTo(config);
  }

  @Test
  void writesSeveralDataSets() throws IOException {
    RunConfig config =
        parse("datasets: [{path: a, columns: [x, y]}, {path: b, split: test}]").config();
    assertThat(parse(ConfigWriter.yaml(config)).config()).isEqualTo(config);
  }

  @Test
  void writesEveryKeyUnderTheHeadings() throws IOException {
    String yaml = ConfigWriter.yaml(parse("").config());
    assertThat(yaml).startsWith("# Model and tokenizer\nmodel_name_or_path: null\n");
    assertThat(yaml).contains("\n\n# Rows\n", "\npacking_strategy: wrapped\n", "\ndatasets: []\n");
    assertThat(Key.all()).allMatch(key -> yaml.contains("\n" + key.name() + ": "));
    assertThat(parse(yaml).notices()).isEmpty();
  }
}
