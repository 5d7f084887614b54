package dev.fluxtune.pipeline.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Durable;
import dev.fluxtune.schemas.FolderLock;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Packing.Tail;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.ShardFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RecoveryTest {
  @TempDir Path folder;

  private static final Corpus CORPUS = Corpus.of(1, 60, new Packing.Wrapped(10, Tail.PAD, 3));

  static Stream<Packing> packings() {
    return Stream.of(
        new Packing.Wrapped(10, Tail.DROP, 0),
        new Packing.Wrapped(10, Tail.KEEP, 0),
        new Packing.Wrapped(10, Tail.PAD, 3),
        new Packing.Bfd(10, 16),
        new Packing.BfdSplit(10, 16),
        new Packing.None(OptionalInt.empty()));
  }

  /** The files of an uninterrupted run. */
  private Map<String, String> whole(Corpus corpus) {
    corpus.write(folder);
    Map<String, String> files = Corpus.files(folder);
    assertThat(files).containsKeys(ShardFormat.MANIFEST, ShardFormat.part(3));
    return files;
  }

  /** Writes on in the folder; gives the places where chunks were asked for. */
  private List<Position> goOn(Corpus corpus) {
    List<Position> starts = new ArrayList<>();
    Shards.write(
            folder,
            corpus.settings(),
            (start, atEnd) -> {
              starts.add(start);
              return corpus.from(start, atEnd);
            },
            Corpus.SMALL)
        .block();
    return starts;
  }

  private static Map<String, String> firstParts(Map<String, String> whole, int parts) {
    Map<String, String> files = new TreeMap<>(whole);
    files.remove(ShardFormat.MANIFEST);
    files.keySet().removeIf(name -> name.compareTo(ShardFormat.part(parts)) >= 0);
    assertThat(files).hasSize(parts);
    return files;
  }

  private static String temporary(String file) {
    return Durable.temporary(Path.of(file)).toString();
  }

  @ParameterizedTest
  @MethodSource("packings")
  void goesOnToTheSameBytesWhereverItWasKilled(Packing how) throws IOException {
    Corpus corpus = Corpus.of(7, 60, how);
    Map<String, String> whole = whole(corpus);
    int parts = whole.size() - 1;
    for (int k = 0; k <= parts; k++) {
      String next = k < parts ? ShardFormat.part(k) : ShardFormat.MANIFEST;
      int length = whole.get(next).length();
      // Before anything of the next file, in its middle, and before it is renamed; with and without
      // the lock's file.
      for (int written : new int[] {-1, 0, length / 2, length}) {
        Map<String, String> killed = firstParts(whole, k);
        killed.put(FolderLock.FILE, "");
        if (written >= 0) {
          killed.put(temporary(next), whole.get(next).substring(0, written));
        }
        Corpus.restore(folder, killed);
        List<Position> starts = goOn(corpus);
        assertThat(Corpus.files(folder)).as("%d parts, %d bytes", k, written).isEqualTo(whole);
        assertThat(starts).hasSize(1);
        assertThat(starts.get(0).equals(Position.START)).isEqualTo(k == 0);
      }
    }
  }

  @Test
  void goesOnFromTheLastGoodPartWhereOneIsDamaged() throws IOException {
    Map<String, String> whole = whole(CORPUS);
    int parts = whole.size() - 1;
    for (int bad = 0; bad < parts; bad++) {
      String file = whole.get(ShardFormat.part(bad));
      String other = whole.get(ShardFormat.part(bad == 0 ? 1 : 0));
      for (String damage :
          List.of("", "x", file.substring(0, file.length() - 1), file.substring(1), other)) {
        Map<String, String> damaged = firstParts(whole, parts);
        damaged.put(ShardFormat.part(bad), damage);
        Corpus.restore(folder, damaged);
        goOn(CORPUS);
        assertThat(Corpus.files(folder)).isEqualTo(whole);
      }
    }
  }

  @Test
  void goesOnBeforeAGap() throws IOException {
    Map<String, String> whole = whole(CORPUS);
    Map<String, String> gap = firstParts(whole, whole.size() - 1);
    gap.remove(ShardFormat.part(1));
    Corpus.restore(folder, gap);
    assertThat(goOn(CORPUS).get(0).ledger().packed()).isEqualTo(100);
    assertThat(Corpus.files(folder)).isEqualTo(whole);
  }

  @Test
  void leavesACompleteFolderAlone() throws IOException {
    Map<String, String> whole = whole(CORPUS);
    assertThat(goOn(CORPUS)).isEmpty();
    assertThat(Corpus.files(folder)).isEqualTo(whole);
  }

  @Test
  void doesNotReplaceADamagedPartOfACompleteFolder() throws IOException {
    Map<String, String> whole = new TreeMap<>(whole(CORPUS));
    whole.computeIfPresent(ShardFormat.part(2), (name, bytes) -> bytes.substring(1));
    Corpus.restore(folder, whole);
    assertThatThrownBy(() -> goOn(CORPUS))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining(folder.resolve(ShardFormat.part(2)) + ": is damaged (it has ")
        .hasMessageEndingWith("remove the folder and pack again");
    Files.delete(folder.resolve(ShardFormat.part(2)));
    assertThatThrownBy(() -> goOn(CORPUS))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("part-00002.parquet: is damaged (it has 0 bytes");
  }

  @Test
  void saysWhichSettingsDifferWithAManifestAndWithout() throws IOException {
    var theirs = CORPUS.settings().put("max_length", 1024);
    theirs.putObject("rows").put("bytes", 5).put("file", "a.json");
    Shards.write(folder, theirs, CORPUS, Corpus.SMALL).block();
    var ours = CORPUS.settings().put("max_length", 2048).put("seed", 42);
    ours.putObject("rows").put("file", "a.json").put("bytes", 6);
    for (int i = 0; i < 2; i++) {
      Map<String, String> before = Corpus.files(folder);
      assertThatThrownBy(() -> Shards.write(folder, ours, CORPUS, Corpus.SMALL).block())
          .isInstanceOf(BadInputException.class)
          .hasMessage(
              folder
                  + """
                  : holds shards made by other settings (theirs → ours):
                    max_length: 1024 → 2048
                    rows.bytes: 5 → 6
                    seed: unset → 42
                  give another output folder, the settings above, or remove the folder""");
      assertThat(Corpus.files(folder)).isEqualTo(before);
      Files.deleteIfExists(folder.resolve(ShardFormat.MANIFEST));
    }
  }

  @Test
  void refusesAFolderThatHoldsSomethingElse() throws IOException {
    Files.writeString(folder.resolve("rows.json"), "[]");
    assertThatThrownBy(() -> goOn(CORPUS))
        .isInstanceOf(BadInputException.class)
        .hasMessage(
            folder
                + ": holds rows.json, which is no packed shard: give an empty or new folder for the"
                + " output");
    assertThat(Corpus.files(folder)).containsOnlyKeys("rows.json");
  }

  @Test
  void takesAFolderWithHiddenFilesForEmpty() throws IOException {
    Files.writeString(folder.resolve(".gitkeep"), "");
    goOn(CORPUS);
    assertThat(Shards.open(folder)).isPresent();
    assertThat(folder.resolve(".gitkeep")).exists();
  }
}
