package dev.fluxtune.pipeline.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetFilesTest {
  @TempDir Path folder;

  private void make(String... names) throws IOException {
    for (String name : names) {
      Path file = folder.resolve(name);
      Files.createDirectories(file.getParent());
      Files.writeString(file, "");
    }
  }

  private List<String> resolve(String name, String split) {
    return DatasetFiles.resolve(name, split, Map.of("HF_HOME", folder.resolve("none").toString()))
        .stream()
        .map(p -> folder.relativize(p).toString())
        .toList();
  }

  private List<String> folder(String split) {
    return resolve(folder.toString(), split);
  }

  @Test
  void namesAFile() throws IOException {
    make("rows.txt", "test.jsonl");
    assertThat(resolve(folder + "/rows.txt", "train")).containsExactly("rows.txt");
    assertThat(resolve(folder + "/test.jsonl", "train")).containsExactly("test.jsonl");
    assertThat(resolve(folder + "/test.jsonl", "test")).containsExactly("test.jsonl");
    assertThatThrownBy(() -> resolve(folder + "/rows.txt", "test"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("no file's name tells that it is the split test");
  }

  @Test
  void namesAPattern() throws IOException {
    make("p10.jsonl", "p9.jsonl", "p.csv", ".p1.jsonl", "sub/p1.jsonl", "sub/sub/test-1.jsonl");
    assertThat(resolve(folder + "/*.jsonl", "train")).containsExactly("p9.jsonl", "p10.jsonl");
    assertThat(resolve(folder + "/p{9,10}.jsonl", "train")).hasSize(2);
    assertThat(resolve(folder + "/p?.jsonl", "train")).containsExactly("p9.jsonl");
    assertThat(resolve(folder + "/**/*.jsonl", "train"))
        .containsExactly("p9.jsonl", "p10.jsonl", "sub/p1.jsonl", "sub/sub/test-1.jsonl");
    assertThat(resolve(folder + "/*/p1.jsonl", "train")).containsExactly("sub/p1.jsonl");
    assertThat(resolve(folder + "/.p*", "train")).containsExactly(".p1.jsonl");
    assertThat(resolve(folder + "/**/*.jsonl", "test")).containsExactly("sub/sub/test-1.jsonl");
    assertThatThrownBy(() -> resolve(folder + "/*.json", "train"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("/*.json: no file matches");
    assertThatThrownBy(() -> resolve(folder + "/x/*.json", "train"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("there is no folder " + folder + "/x");
    assertThatThrownBy(() -> resolve(folder + "/[", "train"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("no such pattern");
  }

  @Test
  void refusesFoldersThatCannotBeListed() throws IOException {
    make("sub/p1.jsonl");
    Files.createSymbolicLink(folder.resolve("sub/up"), folder);
    for (String name : List.of(folder.toString(), folder + "/**/*.jsonl")) {
      assertThatThrownBy(() -> resolve(name, "train"))
          .isInstanceOf(BadInputException.class)
          .hasMessageStartingWith(name + ": its files cannot be listed")
          .hasMessageContaining("/sub/up: its links lead back to themselves");
    }
  }

  @Test
  void tellsSplitsByShards() throws IOException {
    make(
        "README.md",
        "data/train-00010-of-00011.parquet",
        "data/train-00002-of-00011-abc.parquet",
        "data/held_out-00000-of-00001.parquet",
        "test.jsonl");
    assertThat(folder("train"))
        .containsExactly(
            "data/train-00002-of-00011-abc.parquet", "data/train-00010-of-00011.parquet");
    assertThat(folder("held_out")).containsExactly("data/held_out-00000-of-00001.parquet");
    assertThatThrownBy(() -> folder("test"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("there is no split test; its files are held_out, train");
  }

  @Test
  void tellsSplitsByFolders() throws IOException {
    make("train/a.jsonl", "train/state.json", "my-dev set/b.jsonl", "test/sub/c.jsonl", "x.jsonl");
    assertThat(folder("train")).containsExactly("train/a.jsonl");
    assertThat(folder("validation")).containsExactly("my-dev set/b.jsonl");
    assertThat(folder("test")).containsExactly("test/sub/c.jsonl");
  }

  @Test
  void tellsSplitsByFileNames() throws IOException {
    make("train.jsonl", "my_train_2.jsonl.gz", "eval-1.jsonl", "contest.jsonl", "trainer.jsonl");
    assertThat(folder("train")).containsExactly("my_train_2.jsonl.gz", "train.jsonl");
    assertThat(folder("test")).containsExactly("eval-1.jsonl");
    assertThatThrownBy(() -> folder("validation"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("its files are test, train");
  }

  @Test
  void takesAllAsTrainWhereNoNameTells() throws IOException {
    make("b2.csv", "b10.csv.gz", "a/1.csv.zst", ".git/x.csv", "__x/y.csv", "dataset_info.json");
    assertThat(folder("train")).containsExactly("a/1.csv.zst", "b2.csv", "b10.csv.gz");
  }

  @Test
  void refusesFoldersThatAreAmbiguousOrHoldNoRows() throws IOException {
    make("a/x.parquet", "a/x.csv", "b/README.md", "b/config.json");
    assertThatThrownBy(() -> resolve(folder + "/a", "train"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("several formats (csv, parquet)")
        .hasMessageContaining("/a/**/*.csv");
    assertThatThrownBy(() -> resolve(folder + "/b", "train"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("/b: the folder holds no file of rows");
  }

  @Test
  void readsSavedDataSets() throws IOException {
    make(
        "dataset_dict.json",
        "train/data-00000-of-00002.arrow",
        "train/data-00001-of-00002.arrow",
        "train/cache-1f.arrow",
        "train/state.json",
        "test/data-00000-of-00001.arrow");
    assertThat(folder("train"))
        .containsExactly("train/data-00000-of-00002.arrow", "train/data-00001-of-00002.arrow");
  }

  @Test
  void findsDataSetsInTheLocalCache() throws IOException {
    String hub = "huggingface/hub/datasets--me--rows";
    make(hub + "/blobs/123", hub + "/snapshots/abc/README.md", hub + "/snapshots/old/test.csv");
    Files.createDirectories(folder.resolve(hub + "/refs"));
    Files.writeString(folder.resolve(hub + "/refs/main"), "abc\n");
    Path link = folder.resolve(hub + "/snapshots/abc/train.jsonl");
    Files.createSymbolicLink(link, Path.of("../../blobs/123"));
    Path caches = folder.resolve("huggingface");
    for (Map<String, String> environment :
        List.of(
            Map.of("XDG_CACHE_HOME", folder.toString()),
            Map.of("HF_HOME", caches.toString(), "XDG_CACHE_HOME", "/nowhere"),
            Map.of("HF_HUB_CACHE", caches + "/hub", "HF_HOME", "/nowhere"))) {
      assertThat(DatasetFiles.resolve("me/rows", "train", environment)).containsExactly(link);
    }
  }

  @Test
  void saysHowToFetchWhatIsNotThere() {
    assertThatThrownBy(() -> resolve("me/rows", "train"))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("hf download --repo-type dataset me/rows")
        .hasMessageContaining(folder.resolve("none/hub").toString());
    assertThatThrownBy(() -> resolve("./a/b/c.jsonl", "train"))
        .isInstanceOf(BadInputException.class)
        .hasMessage("./a/b/c.jsonl: there is no such file or folder; correct the path");
  }

  @Test
  void tellsSplitsAsHuggingFace() throws IOException {
    JsonNode cases = new ObjectMapper().readTree(Files.readAllBytes(Fixtures.file("splits.json")));
    assertThat(cases).isNotEmpty();
    for (JsonNode layout : cases) {
      Path root = Files.createTempDirectory(folder, "layout");
      for (JsonNode name : layout.get("files")) {
        Path file = root.resolve(name.asText());
        Files.createDirectories(file.getParent());
        Files.writeString(file, "");
      }
      for (Map.Entry<String, JsonNode> split : layout.get("splits").properties()) {
        List<String> expected = new ArrayList<>();
        split.getValue().forEach(name -> expected.add(name.asText()));
        assertThat(DatasetFiles.resolve(root.toString(), split.getKey()))
            .as("%s of %s", split.getKey(), layout.get("files"))
            .map(p -> root.relativize(p).toString())
            .containsExactlyInAnyOrderElementsOf(expected);
      }
      for (String split : List.of("train", "validation", "test")) {
        if (!layout.get("splits").has(split)) {
          assertThatThrownBy(() -> DatasetFiles.resolve(root.toString(), split))
              .hasMessageContaining("there is no split " + split);
        }
      }
    }
  }
}
