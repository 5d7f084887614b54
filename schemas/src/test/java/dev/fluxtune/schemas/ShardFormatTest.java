package dev.fluxtune.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ShardFormatTest {
  private final Locale before = Locale.getDefault();

  @AfterEach
  void asBefore() {
    Locale.setDefault(before);
  }

  @Test
  void namesFilesAlikeWhereDigitsAreOthers() {
    Locale.setDefault(Locale.forLanguageTag("ar-EG"));
    assertThat("%d".formatted(7)).isNotEqualTo("7");

    assertThat(ShardFormat.part(7)).isEqualTo("part-00007.parquet");
    assertThat(CheckpointFormat.shard(6, 12)).isEqualTo("model-00007-of-00012.safetensors");
  }
}
