package dev.fluxtune.app;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** What tests of {@link TinyRun} begin with: a folder, rows in it, and where the run goes. */
abstract class TinyRuns {
  @TempDir Path folder;
  TinyRun tiny;
  Path output;

  @BeforeEach
  void layOut() throws IOException {
    tiny = new TinyRun(folder);
    output = folder.resolve("out");
  }
}
