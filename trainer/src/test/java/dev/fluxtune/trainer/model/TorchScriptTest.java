package dev.fluxtune.trainer.model;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TorchScriptTest {
  @Test
  void anOperatorThatTheLibraryLacksIsNamedWithItsLine() {
    try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
      assertThatThrownBy(
              () ->
                  TorchScript.load(
                      manager, getClass(), List.of("broken.py"), Map.of("factor", "2")))
          .hasMessageContaining("no_such_operator")
          .hasMessageContaining("line 8")
          .hasMessageContaining("torch.no_such_operator(x, 2)");
    }
  }

  @Test
  void aConstantThatNobodyGaveIsNamed() {
    try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
      assertThatThrownBy(
              () -> TorchScript.load(manager, getClass(), List.of("broken.py"), Map.of()))
          .hasMessageContaining("factor");
    }
  }
}
