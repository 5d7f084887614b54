package dev.fluxtune.app.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KeyTest {
  @ParameterizedTest
  @CsvSource({
    "maxLength,max_length",
    "loadIn4bit,load_in_4bit",
    "loadIn8bit,load_in_8bit",
    "bnb4bitQuantType,bnb_4bit_quant_type",
    "bf16,bf16",
    "adamBeta1,adam_beta1",
    "loraR,lora_r",
    "perDeviceTrainBatchSize,per_device_train_batch_size",
    "useRslora,use_rslora"
  })
  void isTheComponentInSnakeCase(String component, String key) {
    assertThat(Key.snakeCase(component)).isEqualTo(key);
  }

  @Test
  void knowsTypesAndChoices() {
    Key dtype = Key.named("dtype").orElseThrow();
    assertThat(dtype.optional()).isTrue();
    assertThat(dtype.choices()).containsExactly("auto", "bfloat16", "float32");
    assertThat(Key.named("bf16").orElseThrow().isBoolean()).isTrue();
    assertThat(Key.named("column_mapping").orElseThrow().isMap()).isTrue();
    assertThat(Key.named("report_to").orElseThrow().isCollection()).isTrue();
    assertThat(Key.named("max_length").orElseThrow().choices()).isEmpty();
  }

  @Test
  void hasADefaultThatIsReadAsItsType() {
    assertThat(Key.all()).hasSizeGreaterThan(60);
    assertThat(Key.all()).allSatisfy(ConfigParser::defaultOf);
  }

  @Test
  void hasAHelpOfOneSentenceWithoutAStop() {
    List<String> sentences = Key.all().stream().map(key -> key.setting().help()).toList();
    assertThat(sentences).allMatch(help -> !help.isBlank() && !help.endsWith("."));
  }
}
