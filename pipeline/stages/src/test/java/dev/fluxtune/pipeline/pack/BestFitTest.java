package dev.fluxtune.pipeline.pack;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.Tokenized;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

class BestFitTest {
  private static List<Tokenized> documents(int... lengths) {
    List<Tokenized> documents = new ArrayList<>();
    int at = 0;
    for (int n : lengths) {
      boolean[] trained = new boolean[n];
      Arrays.fill(trained, true);
      documents.add(new Tokenized(IntStream.range(at, at + n).toArray(), trained));
      at += n;
    }
    return documents;
  }

  private static List<Packed> pack(
      List<Tokenized> documents, Packing how, Position at, List<Ledger> ledgers) {
    return Flux.fromIterable(documents)
        .buffer(7)
        .transform(Pack.from(how, at, ledgers::add))
        .collectList()
        .block();
  }

  @Test
  void packsAsThePythonOriginalInWindowsOfAThousand() throws IOException {
    JsonNode golden =
        new ObjectMapper().readTree(getClass().getResourceAsStream("/parity/packs.json"));
    assertThat(golden.get("cases")).hasSize(8);
    for (JsonNode c : golden.get("cases")) {
      int[] lengths = new ObjectMapper().convertValue(c.get("lengths"), int[].class);
      int maxLength = c.get("max_length").asInt();
      boolean split = c.get("strategy").asText().equals("bfd_split");
      Packing how =
          split ? new Packing.BfdSplit(maxLength, 1000) : new Packing.Bfd(maxLength, 1000);
      List<Ledger> ledgers = new ArrayList<>();
      List<Packed> whole = pack(documents(lengths), how, Position.START, ledgers);

      assertThat(whole).hasSize(c.get("bins").size());
      for (int k = 0; k < whole.size(); k++) {
        Chunk chunk = whole.get(k).chunk();
        int at = 0;
        for (int d = 0; d < chunk.seqLengths().length; d++) {
          assertThat(chunk.inputIds()[at]).isEqualTo(c.get("bins").get(k).get(0).get(d).asInt());
          assertThat(chunk.seqLengths()[d]).isEqualTo(c.get("bins").get(k).get(1).get(d).asInt());
          assertThat(chunk.labels()[at]).isEqualTo(Chunk.IGNORED);
          at += chunk.seqLengths()[d];
        }
        assertThat(chunk.seqLengths()).hasSize(c.get("bins").get(k).get(1).size());
      }
      Ledger ledger = ledgers.get(0);
      assertThat(ledger.tokens()).isEqualTo(Arrays.stream(lengths).sum());
      assertThat(ledger.truncated())
          .isEqualTo(split ? 0 : Arrays.stream(lengths).map(n -> Math.max(0, n - maxLength)).sum());
    }
  }

  @Test
  void goesOnFromAnyPlaceAsIfItHadNeverStopped() {
    List<Tokenized> documents = documents(5, 2, 3, 9, 4, 4, 2, 7, 2, 2, 3);
    List<Ledger> ledgers = new ArrayList<>();
    for (Packing how :
        List.of(
            new Packing.Bfd(4, 3),
            new Packing.BfdSplit(4, 3),
            new Packing.None(OptionalInt.of(4)))) {
      List<Packed> whole = pack(documents, how, Position.START, ledgers);
      for (int k = 0; k < whole.size(); k++) {
        Position at = whole.get(k).next();
        at.ledger().balanced();
        assertThat(pack(documents.subList((int) at.document(), documents.size()), how, at, ledgers))
            .isEqualTo(whole.subList(k + 1, whole.size()));
      }
      assertThat(ledgers).containsOnly(ledgers.get(0));
      ledgers.clear();
    }
  }

  @Test
  void withoutPackingGivesOneDocumentAChunkCutOff() {
    assertThat(
            Flux.just(documents(3, 6))
                .transform(Pack.with(new Packing.None(OptionalInt.of(4))))
                .map(chunk -> chunk.inputIds().length)
                .collectList()
                .block())
        .containsExactly(3, 4);
  }
}
