package dev.fluxtune.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README says is so: its commands run, print what it shows, and its files exist. */
class ReadmeTest {
  private static final Path HOME = Path.of(System.getProperty("fluxtune.home"));
  private static final Pattern BLOCK = Pattern.compile("(?s)```(\\w*)\\n(.*?)```");
  private static final String COMMAND = "pipeline/bin/pipeline ";

  @TempDir Path folder;

  private static List<String> blocks(String language) throws IOException {
    Matcher block = BLOCK.matcher(Files.readString(HOME.resolve("README.md")));
    List<String> blocks = new ArrayList<>();
    while (block.find()) {
      if (block.group(1).equals(language)) {
        blocks.add(block.group(2));
      }
    }
    return blocks;
  }

  /** As on a machine where it was just cloned; the user's own rows and tokenizer are embedded. */
  @Test
  void everyCommandRunsAndPrintsWhatIsShown() throws Exception {
    Path embedded = HOME.resolve("datasets/tiny-tasks");
    Files.createSymbolicLink(folder.resolve("datasets"), HOME.resolve("datasets"));
    Files.createSymbolicLink(folder.resolve("rows.jsonl"), embedded.resolve("train.jsonl"));
    Files.createSymbolicLink(folder.resolve("my-model"), embedded.resolve("tokenizer"));
    String printed = "";
    int commands = 0;
    for (String block : blocks("")) {
      List<String> lines = block.lines().toList();
      if (lines.stream().anyMatch(line -> line.startsWith(COMMAND))) {
        printed = "";
      }
      for (String line : lines) {
        if (line.startsWith(COMMAND)) {
          printed += run(shortened(line.substring(COMMAND.length())).split(" +"));
          commands++;
        } else if (line.matches(" {2,4}[a-z].*") && !printed.isEmpty()) {
          assertThat(printed.lines()).as("shown in the README").contains(line);
        }
      }
      printed += " ";
    }
    assertThat(commands).isGreaterThan(4);
  }

  /** Training to the end is not for here. */
  private static String shortened(String arguments) {
    return arguments.startsWith("run") ? arguments + " --max_steps 20" : arguments;
  }

  private String run(String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(System.getProperty("fluxtune.jvmFlags").split(" ")));
    command.addAll(
        List.of(
            "-Dai.djl.offline=true",
            "-Dfluxtune.home=" + HOME,
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
            "dev.fluxtune.app.Main"));
    command.addAll(List.of(arguments));
    Path out = folder.resolve("out.txt");
    Path err = folder.resolve("err.txt");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder.environment().put("XDG_CACHE_HOME", folder.resolve("cache").toString());
    int code = builder.start().waitFor();
    assertThat(code).as(String.join(" ", command) + "\n" + Files.readString(err)).isZero();
    return Files.readString(out);
  }

  @Test
  void theJavaIsWhatATestRuns() throws IOException {
    String test =
        Files.readString(
            HOME.resolve("tests/src/test/java/dev/fluxtune/tests/ReadmeSnippetTest.java"));
    List<String> snippets =
        Pattern.compile("(?s)// README: begin \\w+\\n(.*?)\\n *// README: end")
            .matcher(test)
            .results()
            .map(it -> it.group(1).lines().map(line -> line.replaceFirst("^ {4}", "")))
            .map(lines -> lines.collect(Collectors.joining("\n")).strip())
            .toList();
    assertThat(snippets).hasSize(2);
    assertThat(blocks("java").stream().map(String::strip).toList()).isEqualTo(snippets);
  }

  @Test
  void theFilesItNamesExist() throws IOException {
    Matcher link =
        Pattern.compile("\\]\\(([^)#:]+)\\)").matcher(Files.readString(HOME.resolve("README.md")));
    List<String> missing = new ArrayList<>();
    try (Stream<String> targets = link.results().map(it -> it.group(1))) {
      targets.filter(it -> !Files.exists(HOME.resolve(it))).forEach(missing::add);
    }
    assertThat(missing).isEmpty();
  }
}
