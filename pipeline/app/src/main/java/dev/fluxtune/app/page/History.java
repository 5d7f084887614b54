package dev.fluxtune.app.page;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.app.watch.Sampled;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiConsumer;

/**
 * All that a page shows of a run, in bounded memory: of a long one neighbouring steps are taken
 * together, and every second evaluation and sample is left out. Any thread may ask what is new.
 */
final class History {
  static final int MOST_EVALUATIONS = 2048;
  static final long MOST_SAMPLED_BYTES = 8L << 20;

  /** Characters of a chunk's text that are shown at most. */
  static final int MOST_TEXT = 32_768;

  private static final ObjectMapper JSON = new ObjectMapper();

  private final RunFacts facts;
  private final Status status;
  private final long run = ThreadLocalRandom.current().nextLong(1L << 53);
  private final Points points = new Points();
  private final List<TrainerState.Log> evaluations = new ArrayList<>();
  private final List<Sampled> sampled = new ArrayList<>();
  private final List<ShownChunk> chunks = new ArrayList<>();
  private long generation;
  private boolean thinned; // evaluations or samples

  History(RunFacts facts) {
    this.facts = facts;
    this.status = new Status(facts.plan());
  }

  /**
   * What is new, and what is known by it.
   *
   * @param over whether nothing comes after it
   */
  record News(Cursor cursor, ObjectNode json, boolean over) {}

  RunFacts facts() {
    return facts;
  }

  synchronized void step(RunEvent.Step it, long hostBytes) {
    status.step(it);
    add(Point.of(it, hostBytes));
  }

  /** Takes what was logged before this process began, steps too. */
  synchronized void before(TrainerState.Log log) {
    status.reached(log.step(), log.epoch());
    if (log.values().containsKey("loss")) {
      add(Point.of(log));
    }
    logged(log);
  }

  private void add(Point point) {
    generation += points.add(point) ? 1 : 0;
  }

  /** Takes an evaluation; logs of steps say nothing new. */
  synchronized void logged(TrainerState.Log log) {
    if (log.values().keySet().stream().anyMatch(it -> it.startsWith("eval_"))) {
      evaluations.add(log);
      if (evaluations.size() > MOST_EVALUATIONS) {
        halve(evaluations);
      }
    }
  }

  synchronized void sampled(Sampled it) {
    sampled.add(it);
    while (sampled.size() > 2
        && sampled.stream().mapToLong(Sampled::bytes).sum() > MOST_SAMPLED_BYTES) {
      halve(sampled);
    }
  }

  /** Leaves out every second but the first and the last. */
  private void halve(List<?> list) {
    for (int i = list.size() - 2; i > 0; i -= 2) {
      list.remove(i);
    }
    thinned = true;
    generation++;
  }

  synchronized void chunk(ShownChunk it) {
    chunks.add(it);
  }

  synchronized void saved(RunEvent.Saved it) {
    status.saved(it);
  }

  /** See {@link Status#end}. */
  synchronized void end(String how) {
    status.end(how);
  }

  /** See {@link Status#failed}. */
  synchronized void failed(String why) {
    status.failed(why);
  }

  synchronized boolean isRunning() {
    return status.isRunning();
  }

  /** How much there is. */
  synchronized Cursor now() {
    return new Cursor(
        run, generation, points.size(), evaluations.size(), sampled.size(), chunks.size());
  }

  /** A browser's place, if it is one in this history as it is now; else the beginning. */
  synchronized Cursor place(Cursor had) {
    boolean known =
        had.run() == run
            && had.generation() == generation
            && had.points() <= points.size()
            && had.evaluations() <= evaluations.size()
            && had.sampled() <= sampled.size()
            && had.chunks() <= chunks.size();
    return known ? had : Cursor.none(run, generation);
  }

  /** All of it. */
  News whole() {
    return since(Cursor.none(0, 0));
  }

  /**
   * What came after {@code had}, as page.js takes it: of each list from where on, and what is there
   * from there on.
   */
  synchronized News since(Cursor had) {
    Cursor from = place(had);
    ObjectNode json = JSON.createObjectNode();
    if (from.equals(Cursor.none(run, generation))) {
      facts.json(json.putObject("facts"));
    }
    int first = Math.max(0, from.points() - 1); // the last one may have grown
    list(json, "points", first, points.from(first), (it, to) -> it.json(to.addArray()));
    rest(json, "evaluations", from.evaluations(), evaluations, History::evaluation);
    rest(json, "sampled", from.sampled(), sampled, History::samples);
    rest(json, "chunks", from.chunks(), chunks, History::chunk);
    status.json(json.putObject("status"));
    json.put("stride", points.stride()).put("thinned", thinned);
    return new News(now(), json, !status.isRunning());
  }

  private static <T> void rest(
      ObjectNode json, String name, int from, List<T> all, BiConsumer<T, ArrayNode> write) {
    list(json, name, from, all.subList(from, all.size()), write);
  }

  private static <T> void list(
      ObjectNode json, String name, int from, List<T> rest, BiConsumer<T, ArrayNode> write) {
    ObjectNode list = json.putObject(name);
    list.put("from", from);
    ArrayNode items = list.putArray("items");
    rest.forEach(it -> write.accept(it, items));
  }

  private static void evaluation(TrainerState.Log log, ArrayNode to) {
    ObjectNode one = to.addObject().put("step", log.step()).put("epoch", log.epoch());
    new TreeMap<>(log.values())
        .forEach(
            (name, value) -> {
              if (Double.isFinite(value)) {
                one.put(name, value);
              }
            });
  }

  private static void samples(Sampled it, ArrayNode to) {
    ObjectNode one = to.addObject().put("step", it.step()).put("epoch", it.epoch());
    one.put("settings", it.settings());
    ArrayNode texts = one.putArray("texts");
    it.texts()
        .forEach(
            text ->
                texts
                    .addObject()
                    .put("row", text.row())
                    .put("prompt", text.prompt())
                    .put("generation", text.generation())
                    .put("reference", text.reference()));
  }

  private static void chunk(ShownChunk it, ArrayNode to) {
    ObjectNode one = to.addObject().put("tokens", it.tokens()).put("trained", it.trained());
    one.put("padding", it.padding());
    ArrayNode documents = one.putArray("documents");
    int room = MOST_TEXT;
    for (ShownChunk.Document document : it.documents()) {
      ObjectNode shown = documents.addObject();
      shown.put("tokens", document.tokens()).put("trained", document.trained());
      ArrayNode runs = shown.putArray("runs");
      for (ShownChunk.Run run : document.runs()) {
        String text = run.text().substring(0, Math.min(room, run.text().length()));
        room -= text.length();
        runs.addObject().put("text", text).put("trained", run.trained());
      }
    }
    one.put("whole", room > 0);
  }
}
