package dev.fluxtune.app.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ChecksTest {
  private static Parsed parse(String flags) {
    Stream<Flag> parsed =
        Arrays.stream(flags.split(" "))
            .map(it -> it.split("=", 2))
            .map(it -> new Flag(it[0], List.of(it[1].replace('\u00a0', ' '))));
    return ConfigParser.parse(Optional.empty(), parsed.toList(), List.of(), Optional.empty());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          max_length=null                               | --max_length  must be a number
          packing_strategy=bfd tail=keep                | --tail  only packing_strategy: wrapped
          packing=false tail=pad                        | --tail  only packing_strategy: wrapped
          use_peft=true unfrozen_layers=2               | --unfrozen_layers  does not go with
          unfrozen_layers=0                             | --unfrozen_layers  must be at least 1
          train_head=true                               | --train_head  needs unfrozen_layers
          use_peft=true lora_dropout=1                  | --lora_dropout  must be below 1
          adam_beta1=1                                  | --adam_beta1  must be below 1
          adam_beta2=1                                  | --adam_beta2  must be below 1
          load_in_4bit=true                             | --load_in_4bit  needs use_peft: true; it is for training adapters
          load_in_8bit=true use_peft=false              | --load_in_8bit  needs use_peft
          use_peft=1 load_in_8bit=true load_in_4bit=true| --load_in_8bit  does not go with
          bnb_4bit_quant_type=fp4                       | must be nf4 (got fp4)
          num_train_epochs=0                            | --num_train_epochs  must be above 0
          lr_scheduler_kwargs={min_lr: 1}               | min_lr is no argument of the schedule linear
          lr_scheduler_type=cosine_with_min_lr          | needs lr_scheduler_kwargs
          logging_steps=0                               | --logging_steps  must be above 0
          save_steps=2.5                                | --save_steps  above 1 it counts
          report_to=comet_ml                            | must be of jsonl, tensorboard
          test_split_size=0                             | --test_split_size  must be above 0
          test_split_size=10.5                          | --test_split_size  above 1
          load_best_model_at_end=true                   | needs eval_strategy and save_strategy
          metric_for_best_model=mean_token_acuracy      | did you mean eval_mean_token_accuracy?
          early_stopping_patience=2                     | needs eval_strategy and save_strategy
          early_stopping_patience=2 eval_strategy=epoch save_strategy=no | needs eval_strategy and save_strategy
          early_stopping_threshold=0.1                  | needs early_stopping_patience
          load_best_model_at_end=true eval_strategy=steps eval_steps=3 save_steps=10 | a multiple
          """)
  void refuse(String flags, String message) {
    assertThatExceptionOfType(ConfigException.class)
        .isThrownBy(() -> parse(flags))
        .withMessageStartingWith("flags: 1 problem\n")
        .withMessageContaining(message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "max_length=null packing=false",
        "packing_strategy=bfd tail=drop",
        "use_peft=true load_in_4bit=true",
        "unfrozen_layers=8 train_head=true",
        "num_train_epochs=0 max_steps=5",
        "lr_scheduler_type=cosine_with_min_lr lr_scheduler_kwargs={min_lr:\u00a01e-6}",
        "logging_strategy=no logging_steps=0",
        "load_best_model_at_end=true eval_strategy=steps eval_steps=0.1 save_steps=0.3",
        "load_best_model_at_end=true eval_strategy=epoch save_strategy=epoch",
        "report_to=none"
      })
  void accept(String flags) {
    assertThat(parse(flags).config()).isNotNull();
  }
}
