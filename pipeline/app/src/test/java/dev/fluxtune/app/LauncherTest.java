package dev.fluxtune.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The scripts of pipeline/bin, with a Maven and a Java that only write down how they were called.
 */
class LauncherTest {
  private static final Path BIN = Path.of(System.getProperty("fluxtune.home"), "pipeline", "bin");

  @TempDir Path folder;
  private Path home;
  private Path target;

  private record Run(int code, String out, String err) {}

  @BeforeEach
  void layOut() throws IOException {
    home = folder.toRealPath().resolve("a house with spaces");
    target = home.resolve("pipeline/app/target");
    for (String source :
        List.of("schemas", "datasets", "pipeline/stages", "trainer", "pipeline/app")) {
      write(home.resolve(source).resolve("src/main/java/A.java"), "class A {}");
    }
    write(home.resolve("pom.xml"), "<project/>");
    for (String name : List.of("pipeline", "build")) {
      script(home.resolve("pipeline/bin").resolve(name), Files.readString(BIN.resolve(name)));
    }
    script(
        home.resolve("mvnw"),
        """
        #!/bin/sh
        echo "build $$ by $JAVA_HOME" >> builds.txt
        sleep 0.3
        echo "[INFO] Building fluxtune-app 0.1.0-SNAPSHOT                  [6/6]"
        [ ! -f broken ] || { echo "[ERROR] A.java: broken"; echo "  is this line"; exit 1; }
        for a; do case $a in -Dfluxtune.lib=*) mkdir -p "${a#*=}" ;; esac; done
        echo jar > pipeline/app/target/fluxtune-app.jar
        """);
    jdk("17.0.15");
  }

  private Path jdk(String version) throws IOException {
    Path jdk = folder.resolve("jdk " + version);
    write(jdk.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
    script(jdk.resolve("bin/java"), "#!/bin/sh\nfor a; do printf '%s\\n' \"$a\"; done\n");
    script(jdk.resolve("bin/javac"), "#!/bin/sh\n");
    return jdk;
  }

  private static void write(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private static void script(Path file, String text) throws IOException {
    write(file, text);
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  private Process begin(Path launcher, Path jdk, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(launcher.toString()));
    command.addAll(List.of(arguments));
    Path log = Files.createTempFile(folder, "err", ".txt");
    ProcessBuilder process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectError(log.toFile());
    process.environment().put("JAVA_HOME", jdk.toString());
    process.environment().remove("FLUXTUNE_JAVA_OPTS");
    return process.start();
  }

  private Run run(Path launcher, Path jdk, String... arguments)
      throws IOException, InterruptedException {
    List<Path> before = logs();
    Process process = begin(launcher, jdk, arguments);
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int code = process.waitFor();
    Path log = logs().stream().filter(it -> !before.contains(it)).findFirst().orElseThrow();
    return new Run(code, out, Files.readString(log));
  }

  private List<Path> logs() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(it -> it.getFileName().toString().startsWith("err")).toList();
    }
  }

  private Run run(String... arguments) throws IOException, InterruptedException {
    return run(home.resolve("pipeline/bin/pipeline"), folder.resolve("jdk 17.0.15"), arguments);
  }

  private int builds() throws IOException {
    Path file = home.resolve("builds.txt");
    return Files.exists(file) ? Files.readAllLines(file).size() : 0;
  }

  /** Makes the file newer than any build so far. */
  private static void touch(Path file) throws IOException {
    Files.setLastModifiedTime(file, FileTime.from(Instant.now().plusSeconds(5)));
  }

  @Test
  void buildsOnFirstUseOnlyAndBecomesTheJvm() throws Exception {
    Run first = run("pack", "--dataset_name", "two words", "");
    assertThat(first.code()).isZero();
    assertThat(first.err()).contains("first start builds", "pipeline: building app (6/6)\n");
    assertThat(first.out().lines())
        .contains("--add-opens=java.base/java.nio=ALL-UNNAMED", "-Dfluxtune.home=" + home)
        .contains("-XX:+ExitOnOutOfMemoryError")
        .anyMatch(it -> it.startsWith("-XX:OnOutOfMemoryError=echo 'pipeline: out of memory, "))
        .doesNotContain("--sun-misc-unsafe-memory-access=allow")
        .endsWith("dev.fluxtune.app.Main", "pack", "--dataset_name", "two words", "");
    Run second = run("--version");
    assertThat(second.err()).isEmpty();
    assertThat(builds()).isEqualTo(1);
    String classPath =
        second.out().lines().filter(it -> it.endsWith("/*")).findFirst().orElseThrow();
    assertThat(Path.of(classPath).getParent().resolve("fluxtune-app.jar")).exists();
  }

  @Test
  void buildsAgainWhenASourceChangesAndKeepsTheJarsOfTheBuildBefore() throws Exception {
    run("--version");
    List<Path> first = libs();
    touch(home.resolve("schemas/src/main/java/A.java"));
    assertThat(run("--version").err()).contains("building app").doesNotContain("first start");
    assertThat(builds()).isEqualTo(2);
    assertThat(libs()).hasSize(2).containsAll(first);
    assertThat(first.get(0).resolve("fluxtune-app.jar")).exists();
  }

  private List<Path> libs() throws IOException {
    try (Stream<Path> files = Files.list(target)) {
      return files.filter(it -> it.getFileName().toString().startsWith("lib.")).toList();
    }
  }

  @Test
  void leavesTheBuildWhenOnlyTestsChange() throws Exception {
    run("--version");
    write(home.resolve("schemas/src/test/java/ATest.java"), "class ATest {}");
    touch(home.resolve("schemas/src/test/java/ATest.java"));
    run("--version");
    assertThat(builds()).isEqualTo(1);
  }

  @Test
  void buildsOnceForThreeStartsAtATime() throws Exception {
    List<Process> starts = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      starts.add(
          begin(home.resolve("pipeline/bin/pipeline"), folder.resolve("jdk 17.0.15"), "--version"));
    }
    for (Process start : starts) {
      assertThat(start.waitFor()).isZero();
    }
    assertThat(builds()).isEqualTo(1);
    assertThat(target.resolve("launcher.lock")).doesNotExist();
  }

  @Test
  void takesOverTheLockOfAProcessThatIsGone() throws Exception {
    Process gone = new ProcessBuilder("true").start();
    gone.waitFor();
    Files.createDirectories(target);
    Files.createSymbolicLink(target.resolve("launcher.lock"), Path.of(Long.toString(gone.pid())));
    assertThat(run("--version").code()).isZero();
    assertThat(builds()).isEqualTo(1);
    assertThat(Files.isSymbolicLink(target.resolve("launcher.lock"))).isFalse();
  }

  @Test
  void showsTheErrorsOfABuildWholeAndLeavesNothingBehind() throws Exception {
    write(home.resolve("broken"), "");
    Run run = run("--version");
    assertThat(run.code()).isEqualTo(3);
    assertThat(run.out()).isEmpty();
    assertThat(run.err())
        .contains("[ERROR] A.java: broken\n  is this line\npipeline: the build failed");
    try (Stream<Path> left = Files.list(target)) {
      assertThat(left).map(it -> it.getFileName().toString()).containsExactly("launcher.log");
    }
    Files.delete(home.resolve("broken"));
    assertThat(run("--version").code()).isZero();
  }

  @Test
  void isFoundThroughLinks() throws Exception {
    Path bin = Files.createDirectories(folder.resolve("bin"));
    Files.createSymbolicLink(
        bin.resolve("one"), bin.relativize(home.resolve("pipeline/bin/pipeline").toAbsolutePath()));
    Files.createSymbolicLink(bin.resolve("two"), Path.of("one"));
    Run run = run(bin.resolve("two"), folder.resolve("jdk 17.0.15"), "--version");
    assertThat(run.out().lines()).contains("-Dfluxtune.home=" + home);
  }

  @Test
  void tellsNewerJvmsThatNativeCodeIsWanted() throws Exception {
    Run run = run(home.resolve("pipeline/bin/pipeline"), jdk("25"), "--version");
    assertThat(run.out().lines())
        .contains("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow");
  }

  @Test
  void refusesAnOlderJavaAndAFolderWithoutOne() throws Exception {
    Run old = run(home.resolve("pipeline/bin/pipeline"), jdk("1.8.0_392"), "--version");
    assertThat(old.code()).isEqualTo(2);
    assertThat(old.err()).contains("needs Java 17 or newer", "is 1.8.0_392;");
    Run none = run(home.resolve("pipeline/bin/pipeline"), folder.resolve("none"), "--version");
    assertThat(none.code()).isEqualTo(2);
    assertThat(none.err()).contains("there is no bin/java in it");
    Path jre = jdk("21.0.1");
    Files.delete(jre.resolve("bin/javac"));
    Run unbuilt = run(home.resolve("pipeline/bin/pipeline"), jre, "--version");
    assertThat(unbuilt.err()).contains("needs a JDK");
    assertThat(builds()).isZero();
  }
}
