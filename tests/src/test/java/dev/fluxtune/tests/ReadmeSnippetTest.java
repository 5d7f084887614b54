package dev.fluxtune.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fluxtune.pipeline.mask.Mask;
import dev.fluxtune.pipeline.pack.Pack;
import dev.fluxtune.pipeline.tokenize.Tokenize;
import dev.fluxtune.pipeline.tokenize.Tokenizer;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Prompted;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** The Java of the README, as it stands there. */
class ReadmeSnippetTest {
  record Ticket(String question, String answer) {}

  private static Flux<Chunk> chunks(Flux<Ticket> tickets, Tokenizer tokenizer) {
    // README: begin
    return tickets
        .map(it -> Prompted.of("Question: " + it.question() + "\nAnswer: ", it.answer()))
        .buffer(512)
        .transform(Tokenize.with(tokenizer::encode, 2)) // over two cores, order kept
        .map(Mask.exact()) // trains the answer, and the token that ends it
        .transform(Pack.with(new Packing.Bfd(1024, 1000)));
    // README: end
  }

  @Test
  void packsAnyFluxOfRows() {
    Path tiny = Path.of(System.getProperty("fluxtune.home"), "datasets/tiny-tasks/tokenizer");
    try (Tokenizer tokenizer =
        Tokenizer.open(tiny, Optional.empty(), Optional.empty(), OptionalInt.empty())) {
      Flux<Ticket> tickets =
          Flux.range(0, 2000).map(i -> new Ticket("What is " + i + " plus one?", "" + (i + 1)));
      long documents =
          chunks(tickets, tokenizer)
              .doOnNext(chunk -> assertThat(chunk.length()).isLessThanOrEqualTo(1024))
              .map(chunk -> chunk.seqLengths().length)
              .reduce(0, Integer::sum)
              .block();
      assertThat(documents).isEqualTo(2000);
    }
  }
}
