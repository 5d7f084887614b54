package dev.fluxtune.app.page;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.StepPlan;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is known of a run before its first step.
 *
 * @param plan its steps; empty where they are read from what another run left
 * @param ledger where the tokens of an epoch go; empty likewise
 * @param facts what is read, trained and held in memory, as the terminal shows it
 * @param settings every key of the configuration, in order, and its value as it is written
 * @param environment what it runs on
 */
public record RunFacts(
    String name,
    Path folder,
    Optional<StepPlan> plan,
    Optional<Ledger> ledger,
    List<Fact> facts,
    Map<String, String> settings,
    List<Fact> environment) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** As page.js reads it. */
  void json(ObjectNode to) {
    to.put("name", name).put("folder", folder.toString());
    plan.ifPresent(
        it ->
            to.putObject("plan")
                .put("steps", it.totalSteps())
                .put("epochs", it.epochs(it.totalSteps()))
                .put("perEpoch", it.stepsPerEpoch())
                .put("warmup", it.warmupSteps()));
    ledger.ifPresent(it -> to.set("ledger", JSON.valueToTree(it)));
    lines(facts, to.putArray("facts"));
    lines(environment, to.putArray("environment"));
    ObjectNode values = to.putObject("settings");
    settings.forEach(values::put);
  }

  private static void lines(List<Fact> facts, ArrayNode to) {
    facts.forEach(it -> to.addArray().add(it.name()).add(it.value()).add(it.note()));
  }
}
