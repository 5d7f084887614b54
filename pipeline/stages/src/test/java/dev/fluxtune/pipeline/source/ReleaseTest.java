package dev.fluxtune.pipeline.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fluxtune.schemas.BadInputException;
import java.io.IOException;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

/** Whatever happens to the stream, no buffer and no open file is left; for every format. */
class ReleaseTest {
  private static final int ROWS = 1200;

  @TempDir Path folder;
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingIsHeld() throws IOException {
    assertThat(openFixtures()).isEmpty();
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
  }

  /** The fixtures that this process has open, where the system can tell. */
  private static List<String> openFixtures() throws IOException {
    Path descriptors = Path.of("/proc/self/fd");
    List<String> open = new ArrayList<>();
    if (Files.isDirectory(descriptors)) {
      try (DirectoryStream<Path> links = Files.newDirectoryStream(descriptors)) {
        for (Path link : links) {
          String target = Files.isSymbolicLink(link) ? Files.readSymbolicLink(link).toString() : "";
          if (target.contains("/many")) {
            open.add(target);
          }
        }
      } catch (NoSuchFileException e) {
        return openFixtures(); // another thread closed one meanwhile
      }
    }
    return open;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "many.json.gz",
        "many.jsonl.zst",
        "many.parquet",
        "many.arrow",
        "many-stream.arrow",
        "many.csv.zst"
      })
  @Retention(RetentionPolicy.RUNTIME)
  @interface EachFormat {}

  private Flux<RecordBatch> read(Path... files) {
    return Fixtures.read(allocator, files);
  }

  @EachFormat
  void onCompletion(String name) {
    List<List<Optional<String>>> expected =
        IntStream.range(0, ROWS).mapToObj(i -> List.of(Optional.of("row " + i))).toList();
    assertThat(Fixtures.texts(read(Fixtures.file(name)), "text")).isEqualTo(expected);
  }

  @EachFormat
  void onCancellation(String name) {
    StepVerifier.create(read(Fixtures.file(name)), 1)
        .consumeNextWith(RecordBatch::close)
        .thenCancel()
        .verify();
  }

  @EachFormat
  void onCancellationByWhoTakesTheRowsApart(String name) {
    List<RecordBatch> rows = new ArrayList<>();
    StepVerifier.create(
            read(Fixtures.file(name))
                .concatMapIterable(batch -> List.of(batch, batch), 1)
                .doOnNext(rows::add)
                .doOnDiscard(RecordBatch.class, batch -> {})
                .take(1))
        .expectNextCount(1)
        .expectComplete()
        .verifyThenAssertThat()
        .hasNotDroppedErrors();
    rows.forEach(RecordBatch::close);
  }

  @EachFormat
  void onAnErrorOfWhoReads(String name) {
    StepVerifier.create(
            read(Fixtures.file(name))
                .map(
                    batch -> {
                      try (batch) {
                        return batch.ints(0, "text");
                      }
                    }))
        .verifyError(BadInputException.class);
  }

  @EachFormat
  void onDiscard(String name) {
    Path file = Fixtures.file(name);
    List<RecordBatch> held = new ArrayList<>();
    StepVerifier.create(
            read(file, file, file)
                .publishOn(Schedulers.immediate(), false, 8)
                .doOnDiscard(RecordBatch.class, RecordBatch::close),
            1)
        .consumeNextWith(held::add)
        .then(() -> assertThat(allocator.getAllocatedMemory()).isPositive())
        .thenCancel()
        .verify();
    held.forEach(RecordBatch::close);
  }

  @EachFormat
  void whereTheFileIsCutShort(String name) throws IOException {
    byte[] whole = Files.readAllBytes(Fixtures.file(name));
    Path cut = folder.resolve(name);
    for (int percent = 0; percent < 100; percent += 7) {
      Files.write(cut, Arrays.copyOf(whole, whole.length * percent / 100));
      assertThatThrownBy(() -> Fixtures.texts(read(cut), "text"))
          .as("%d %% of %s", percent, name)
          .isInstanceOf(BadInputException.class)
          .hasMessageStartingWith(cut.toString())
          .hasMessageMatching(".*(fetch|give|correct|write) .*");
      assertThat(allocator.getAllocatedMemory()).as("%d %% of %s", percent, name).isZero();
    }
  }
}
