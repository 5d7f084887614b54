package dev.fluxtune.app.page;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HistoryTest {
  private static final List<String> LISTS = List.of("points", "evaluations", "sampled", "chunks");

  private final History history = new History(Made.facts("run", Path.of("out")));

  /** What page.js does with news. */
  private static void take(ObjectNode run, JsonNode news) {
    for (String name : LISTS) {
      ArrayNode list = run.withArray(name);
      while (list.size() > news.path(name).path("from").asInt()) {
        list.remove(list.size() - 1);
      }
      news.path(name).path("items").forEach(list::add);
    }
  }

  @Test
  void newsAfterNewsAreTheWhole() {
    ObjectNode run = JsonNodeFactory.instance.objectNode();
    Cursor cursor = Cursor.none(0, 0);
    for (long step = 1; step <= 3L * Points.MOST; step++) {
      history.step(Made.step(step, 1.0 / step), step);
      if (step % 50 == 0) {
        history.logged(Made.evaluation(step, 1));
        history.sampled(Made.sampled(step, "x".repeat(10_000)));
      }
      if (step % 37 == 0) {
        History.News news = history.since(cursor);
        take(run, news.json());
        cursor = Cursor.parse(news.cursor().id()).orElseThrow();
      }
    }
    take(run, history.since(cursor).json());
    ObjectNode whole = JsonNodeFactory.instance.objectNode();
    take(whole, history.whole().json());
    assertThat(run).isEqualTo(whole);
    assertThat(whole.path("points")).hasSize(3 * Points.MOST / 4);
  }

  @Test
  void newsAreWhatIsNewAndTheStepThatMayHaveGrown() {
    history.step(Made.step(1, 1), 0);
    history.step(Made.step(2, 1), 0);
    History.News first = history.since(Cursor.none(0, 0));
    assertThat(first.json().path("facts").path("name").asText()).isEqualTo("run");
    history.step(Made.step(3, 1), 0);
    history.logged(Made.evaluation(3, 0.5));
    ObjectNode next = history.since(first.cursor()).json();
    assertThat(next.has("facts")).isFalse();
    assertThat(next.path("points").path("from").asInt()).isEqualTo(1);
    assertThat(next.path("points").path("items")).hasSize(2);
    assertThat(next.path("evaluations"))
        .hasToString("{\"from\":0,\"items\":[{\"step\":3,\"epoch\":0.06,\"eval_loss\":0.5}]}");
  }

  @Test
  void aPlaceInAnotherHistoryIsNone() {
    history.step(Made.step(1, 1), 0);
    Cursor here = history.now();
    assertThat(history.place(here)).isEqualTo(here);
    History other = new History(Made.facts("other", Path.of("out")));
    assertThat(other.place(here).points()).isZero();
    assertThat(other.since(here).json().has("facts")).isTrue();
    Cursor beyond = new Cursor(here.run(), here.generation(), 99, 0, 0, 0);
    assertThat(history.place(beyond).points()).isZero();
  }

  @Test
  void aPlaceFromBeforeStepsWereTakenTogetherIsNone() {
    for (long step = 1; step <= 2000; step++) {
      history.step(Made.step(step, 1), 0);
    }
    Cursor had = history.now();
    for (long step = 2001; step <= Points.MOST + 1; step++) {
      history.step(Made.step(step, 1), 0);
    }
    assertThat(history.now().points()).isBetween(had.points(), Points.MOST / 2 + 1);
    assertThat(history.place(had).points()).isZero();
  }

  @Test
  void readsNoPlaceOutOfAnythingElse() {
    assertThat(Cursor.parse("1-2-3-4-5-6")).contains(new Cursor(1, 2, 3, 4, 5, 6));
    for (String id : List.of("", "1", "1-2-3-4-5", "a-b-c-d-e-f", "9".repeat(99), "1-2-3-4-5--6")) {
      assertThat(Cursor.parse(id)).as(id).isEmpty();
    }
  }

  @Test
  void samplesOfALongRunAreThinnedButForTheFirstAndTheLast() {
    for (long step = 0; step <= 2000; step++) {
      history.sampled(Made.sampled(step, "x".repeat(16_000)));
    }
    JsonNode all = history.whole().json();
    JsonNode kept = all.path("sampled").path("items");
    assertThat(kept.size()).isBetween(40, 90); // of 96 kB each
    assertThat(kept.get(0).path("step").asLong()).isZero();
    assertThat(kept.get(kept.size() - 1).path("step").asLong()).isEqualTo(2000);
    assertThat(all.path("thinned").asBoolean()).isTrue();
  }

  @Test
  void evaluationsOfALongRunAreThinnedLikewise() {
    for (long step = 1; step <= 3L * History.MOST_EVALUATIONS; step++) {
      history.logged(Made.evaluation(step, 1));
    }
    JsonNode kept = history.whole().json().path("evaluations").path("items");
    assertThat(kept.size()).isBetween(History.MOST_EVALUATIONS / 2, History.MOST_EVALUATIONS);
    assertThat(kept.get(0).path("step").asLong()).isEqualTo(1);
    assertThat(kept.get(kept.size() - 1).path("step").asLong())
        .isEqualTo(3L * History.MOST_EVALUATIONS);
  }

  @Test
  void aLongChunkIsCut() {
    ShownChunk.Run run = new ShownChunk.Run("x".repeat(History.MOST_TEXT - 5), true);
    ShownChunk.Document document = new ShownChunk.Document(4, 2, List.of(run, run));
    history.chunk(new ShownChunk(8, 4, List.of(document, document), 0));
    JsonNode shown = history.whole().json().path("chunks").path("items").get(0);
    assertThat(shown.path("whole").asBoolean()).isFalse();
    assertThat(shown.path("documents")).hasSize(2);
    assertThat(shown.at("/documents/0/runs/1/text").asText()).isEqualTo("xxxxx");
    assertThat(shown.at("/documents/1/runs/0/text").asText()).isEmpty();
  }

  @Test
  void tellsHowFarItIsAndHowLongItTakes() {
    History resumed = new History(Made.facts("run", Path.of("out")));
    resumed.before(new TrainerState.Log(20, 0.4, Map.of("loss", 3.0)));
    assertThat(resumed.whole().json().path("status").path("step").asLong()).isEqualTo(20);
    for (long step = 21; step <= 30; step++) {
      resumed.step(Made.step(step, 1), 0);
    }
    JsonNode status = resumed.whole().json().path("status");
    assertThat(status.path("state").asText()).isEqualTo("running");
    assertThat(status.path("step").asLong()).isEqualTo(30);
    assertThat(status.path("first").asLong()).isEqualTo(20);
    assertThat(status.path("total").asLong()).isEqualTo(100);
    assertThat(status.path("tokens").asLong()).isEqualTo(2560);
    assertThat(status.path("left").asDouble()) // 70 steps, where 10 took what is gone
        .isBetween(0.0, 7.5 * status.path("elapsed").asDouble() + 0.1);
    resumed.end("finished");
    assertThat(resumed.whole().over()).isTrue();
    assertThat(resumed.whole().json().path("status").has("left")).isFalse();
  }

  @Test
  void countsStepsThatMeanNothing() {
    history.step(Made.step(1, Double.NaN), 0);
    history.step(Made.step(2, 1), 0);
    JsonNode status = history.whole().json().path("status");
    assertThat(status.path("notFinite").asLong()).isEqualTo(1);
    assertThat(status.path("withoutTarget").asLong()).isZero();
  }
}
