package dev.fluxtune.app.command;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.app.config.Flag;
import java.util.List;
import org.junit.jupiter.api.Test;

class FlagsTest {
  private static Flags split(String... arguments) {
    return Flags.split(
        List.of(arguments), Specs.root("test").subcommands().get("inspect").getCommandSpec());
  }

  private static Flag flag(String name, String... values) {
    return new Flag(name, List.of(values));
  }

  @Test
  void readsValuesInBothForms() {
    assertThat(
            split("--max_length", "512", "--seed=7", "--eos_token=", "--run-name=a=b").settings())
        .containsExactly(
            flag("max_length", "512"),
            flag("seed", "7"),
            flag("eos_token", ""),
            flag("run_name", "a=b"));
  }

  @Test
  void readsBareBooleans() {
    assertThat(split("--packing", "--no_packing", "--use_peft", "false", "--bf16").settings())
        .containsExactly(
            flag("packing"), flag("no_packing"), flag("use_peft", "false"), flag("bf16"));
  }

  @Test
  void givesListsAllTheirValuesAndOthersOne() {
    assertThat(split("--report_to", "page", "jsonl", "--seed", "1", "2").settings())
        .containsExactly(flag("report_to", "page", "jsonl"), flag("seed", "1"), flag("", "2"));
  }

  @Test
  void takesANegativeNumberForAValue() {
    assertThat(split("--max_steps", "-1", "--seed=-2").settings())
        .containsExactly(flag("max_steps", "-1"), flag("seed", "-2"));
  }

  @Test
  void givesAnUnknownFlagTheWordsThatFollow() {
    assertThat(split("--lora_alhpa", "3", "--fsdp", "full_shard", "auto_wrap").settings())
        .containsExactly(flag("lora_alhpa", "3"), flag("fsdp", "full_shard", "auto_wrap"));
  }

  @Test
  void leavesTheCommandItsOwnOptions() {
    Flags flags =
        split("--config", "a.yaml", "--seed", "1", "--chunk=3", "--plain", "--stacktrace", "-h");
    assertThat(flags.own())
        .containsExactly("--config=a.yaml", "--chunk=3", "--plain", "--stacktrace", "--help");
    assertThat(flags.settings()).containsExactly(flag("seed", "1"));
  }
}
