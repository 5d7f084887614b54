package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InterruptTest {
  private static final String ROW = "{\"prompt\": \"1 + 1 = \", \"completion\": \"2\"}\n";

  @TempDir Path folder;

  @Test
  void saysWhenPackingIsStoppedThatItGoesOn() throws Exception {
    Path rows = folder.resolve("rows.jsonl");
    Path packed = folder.resolve("packed");
    byte[] some = ROW.repeat(100_000).getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < 30; i++) {
      Files.write(rows, some, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
    Path said = folder.resolve("said.txt");
    Process process = start(rows, packed, said);
    while (process.isAlive() && !Files.exists(packed)) {
      Thread.sleep(10);
    }
    new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(Files.readString(said)).isEqualTo(130);
    assertThat(Files.readString(said))
        .endsWith("\nstopped; nothing is lost: the same command goes on\n");
  }

  private Process start(Path rows, Path packed, Path said) throws IOException {
    String tokenizer = Configs.HOME.resolve("datasets/tiny-tasks/tokenizer").toString();
    ProcessBuilder builder =
        CommandRun.process(
                List.of(),
                "pack",
                "--dataset_name",
                rows,
                "--tokenizer_name_or_path",
                tokenizer,
                "--max_length",
                64,
                "--output_dir",
                packed)
            .redirectErrorStream(true)
            .redirectOutput(said.toFile());
    builder.environment().put("XDG_CACHE_HOME", folder.resolve("cache").toString());
    return builder.start();
  }
}
