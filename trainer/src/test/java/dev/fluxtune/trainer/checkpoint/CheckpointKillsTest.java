package dev.fluxtune.trainer.checkpoint;

import static dev.fluxtune.trainer.checkpoint.Saved.ALL;
import static dev.fluxtune.trainer.checkpoint.Saved.bytes;
import static dev.fluxtune.trainer.checkpoint.Saved.keep;
import static dev.fluxtune.trainer.checkpoint.Saved.names;
import static dev.fluxtune.trainer.checkpoint.Saved.newest;
import static dev.fluxtune.trainer.checkpoint.Saved.numbers;
import static dev.fluxtune.trainer.checkpoint.Saved.sideFiles;
import static dev.fluxtune.trainer.checkpoint.Saved.state;
import static dev.fluxtune.trainer.checkpoint.Saved.weights;
import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.CheckpointFormat;
import java.io.IOException;
import java.io.Serial;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is on disk when the machine stops at any moment of a write. */
class CheckpointKillsTest {
  @TempDir Path temporary;
  private Path model;
  private Path out;
  private Checkpoints checkpoints;

  @BeforeEach
  void aModelFolder() throws IOException {
    model = Saved.model(temporary);
    out = temporary.resolve("runs/out");
    checkpoints = new Checkpoints(out);
  }

  @Test
  void aKillAtAnyMomentLeavesAWholeCheckpoint() throws IOException {
    // What is written replaces a checkpoint of its own step and crowds out another.
    Path before = temporary.resolve("before");
    new Checkpoints(before).write(state(model, 1, 1), ALL);
    new Checkpoints(before).write(state(model, 2, 2), ALL);
    int moments = 0;
    for (int moment = 0; ; moment++) {
      out = temporary.resolve("killed-" + moment);
      checkpoints = new Checkpoints(out);
      copy(before, out);
      boolean killed = killed(moment, disk -> disk.write(state(model, 2, 3), keep(1)));
      if (!killed) {
        break;
      }
      moments++;
      assertWhole();
      checkpoints.tidy();
      assertThat(names(out)).allMatch(name -> name.matches("checkpoint-[12]"));
      assertThat(newest(checkpoints).run().step())
          .as("killed before change %d", moment)
          .isEqualTo(2);
    }
    assertThat(moments).isGreaterThan(40);
    assertThat(names(out)).containsExactly("checkpoint-2");
    assertThat(bytes(Checkpoint.read(out.resolve("checkpoint-2")).model(), "b"))
        .isEqualTo(numbers(3, 20));
  }

  @Test
  void aKillWhileTidyingIsTidiedLater() throws IOException {
    checkpoints.write(state(model, 1, 1), ALL);
    assertThat(killed(20, disk -> disk.write(state(model, 2, 2), ALL))).isTrue();
    Path before = out;
    assertThat(names(before)).contains(".checkpoint-2.tmp");
    for (int moment = 0; ; moment++) {
      out = temporary.resolve("tidied-" + moment);
      checkpoints = new Checkpoints(out);
      copy(before, out);
      if (!killed(moment, Checkpoints::tidy)) {
        break;
      }
      assertWhole();
      checkpoints.tidy();
      assertThat(names(out)).containsExactly("checkpoint-1");
    }
    assertThat(names(out)).containsExactly("checkpoint-1");
  }

  @Test
  void aKillNeverMixesTwoModels() throws IOException {
    Path before = temporary.resolve("before");
    new Checkpoints(before, new Disk(), 25).writeModel(weights(1), sideFiles(model));
    for (long shardBytes : new long[] {25, 1000}) {
      for (int moment = 0; ; moment++) {
        out = temporary.resolve("model-" + shardBytes + "-" + moment);
        copy(before, out);
        boolean killed =
            killed(moment, shardBytes, disk -> disk.writeModel(weights(2), sideFiles(model)));
        List<Integer> seeds = new ArrayList<>();
        try {
          Map<String, SafeTensors> found = ModelFiles.read(out);
          for (String name : List.of("a", "b", "c")) {
            byte[] bytes = bytes(found, name);
            seeds.add(Arrays.equals(bytes, numbers(1, bytes.length)) ? 1 : 2);
          }
        } catch (BadInputException e) {
          assertThat(e).hasMessageContaining("holds neither");
        }
        assertThat(seeds.stream().distinct().count()).isLessThanOrEqualTo(1);
        if (!killed) {
          assertThat(seeds).containsExactly(2, 2, 2);
          assertThat(names(out)).noneMatch(name -> name.startsWith("."));
          break;
        }
      }
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path one : all.toList()) {
        Path copy = to.resolve(from.relativize(one).toString());
        Files.createDirectories(copy.resolveSibling(""));
        Files.copy(one, copy);
      }
    }
  }

  private void assertWhole() throws IOException {
    for (String name : names(out)) {
      if (CheckpointFormat.step(name).isPresent()) {
        Checkpoint.read(out.resolve(name));
      }
    }
  }

  private boolean killed(int moment, Interrupted work) {
    return killed(moment, 1000, work);
  }

  /** Ends the world before a change of the disk; false if there were fewer. */
  private boolean killed(int moment, long shardBytes, Interrupted work) {
    int[] left = {moment};
    Disk mortal =
        new Disk() {
          @Override
          void before(Path changed) {
            if (left[0]-- == 0) {
              throw new Killed();
            }
          }
        };
    try {
      work.on(new Checkpoints(out, mortal, shardBytes));
      return false;
    } catch (Killed e) {
      return true;
    }
  }

  private interface Interrupted {
    void on(Checkpoints checkpoints);
  }

  private static final class Killed extends Error {
    @Serial private static final long serialVersionUID = 1L;
  }
}
