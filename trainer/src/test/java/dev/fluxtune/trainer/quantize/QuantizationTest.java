package dev.fluxtune.trainer.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import org.junit.jupiter.api.Test;

class QuantizationTest {
  @Test
  void theKeysNameAForm() {
    assertThat(Quantization.of(false, false, "nf4", true)).isEmpty();
    assertThat(Quantization.of(true, false, "nf4", false)).contains(Quantization.INT8);
    assertThat(Quantization.of(false, true, "nf4", false)).contains(Quantization.NF4);
    assertThat(Quantization.of(false, true, "nf4", true)).contains(Quantization.NF4_NESTED);
  }

  @Test
  void whatIsNotSupportedIsRefusedByName() {
    assertThatThrownBy(() -> Quantization.of(false, true, "fp4", false))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("bnb_4bit_quant_type: fp4");
    assertThatThrownBy(() -> Quantization.of(true, true, "nf4", false))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("load_in_8bit and load_in_4bit");
  }
}
