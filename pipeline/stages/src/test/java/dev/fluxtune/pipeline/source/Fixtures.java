package dev.fluxtune.pipeline.source;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import reactor.core.publisher.Flux;

/** The files that tests/parity/make_sources.py wrote, and rows in a form that can be compared. */
final class Fixtures {
  private Fixtures() {}

  static Path file(String name) {
    try {
      return Path.of(Fixtures.class.getResource("/source/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  /** The rows that the text files hold: instruction, input, output; absent is empty. */
  static List<List<Optional<String>>> expected() throws IOException {
    List<List<Optional<String>>> rows = new ArrayList<>();
    for (JsonNode row : new ObjectMapper().readTree(Files.readAllBytes(file("rows.json")))) {
      rows.add(
          List.of("instruction", "input", "output").stream()
              .map(
                  c ->
                      row.get(c).isNull()
                          ? Optional.<String>empty()
                          : Optional.of(row.get(c).asText()))
              .toList());
    }
    return rows;
  }

  static Flux<RecordBatch> read(BufferAllocator allocator, Path... files) {
    return Rows.read(Arrays.asList(files), Map.of(), List.of(), BadRows.fail(), allocator);
  }

  /** All rows' texts in these columns; the batches are closed. */
  static List<List<Optional<String>>> texts(Flux<RecordBatch> batches, String... columns) {
    List<List<Optional<String>>> rows = new ArrayList<>();
    for (RecordBatch batch : batches.toIterable(1)) {
      try (batch) {
        for (int row = 0; row < batch.size(); row++) {
          int r = row;
          rows.add(Arrays.stream(columns).map(c -> batch.text(r, c)).toList());
        }
      }
    }
    return rows;
  }
}
