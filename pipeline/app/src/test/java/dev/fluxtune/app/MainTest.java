package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tests what only a process of its own shows. */
class MainTest {
  private static final Path TOKENIZER = Configs.HOME.resolve("datasets/tiny-tasks/tokenizer");

  @TempDir Path folder;

  private Path rows(int count) throws IOException {
    return Files.writeString(
        folder.resolve("rows.jsonl"),
        "{\"prompt\": \"1 + 1 = %s\", \"completion\": \"2\"}\n"
            .formatted("lorem ipsum ".repeat(30))
            .repeat(count));
  }

  private CommandRun run(List<String> jvm, Object... arguments) throws Exception {
    Path out = folder.resolve("out.txt");
    Path err = folder.resolve("err.txt");
    ProcessBuilder builder =
        CommandRun.process(jvm, arguments).redirectOutput(out.toFile()).redirectError(err.toFile());
    builder.environment().put("XDG_CACHE_HOME", folder.resolve("cache").toString());
    Process process = builder.start();
    try {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("it ends").isTrue();
    } finally {
      process.destroyForcibly();
    }
    return new CommandRun(process.exitValue(), Files.readString(out), Files.readString(err));
  }

  /** As the launcher starts it: without, some errors of workers were dropped, and it hung. */
  @Test
  void endsWhereMemoryDoesNotSufficeForAWorker() throws Exception {
    CommandRun run =
        run(
            List.of("-Xmx48m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"),
            "plan",
            "--dataset_name",
            rows(60_000),
            "--tokenizer_name_or_path",
            TOKENIZER,
            "--packing_strategy",
            "bfd",
            "--packing_window",
            100_000_000);
    assertThat(run.code()).isEqualTo(3);
    assertThat(run.out()).contains("java.lang.OutOfMemoryError");
  }

  @Test
  void writesNumbersAlikeInEveryLanguage() throws Exception {
    CommandRun run =
        run(
            List.of("-Duser.language=ar", "-Duser.country=EG"),
            "inspect",
            "--dataset_name",
            rows(10),
            "--tokenizer_name_or_path",
            TOKENIZER,
            "--max_length",
            32);
    assertThat(run.out()).as(run.err()).contains("chunk 0: 32 tokens");
  }
}
