package dev.fluxtune.app;

import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.schemas.Ledger;
import java.nio.file.Path;
import java.util.Locale;

/** What a person reads before and after a run. */
final class Summary {
  private Summary() {}

  /** What is about to happen. */
  static void start(Terminal terminal, Trainee trainee, PlanReport plan, Ports io, Path model) {
    Precision precision = trainee.precision();
    long frozen = trainee.parameters() - trainee.trainedParameters();
    long bytes =
        trainee.trainedParameters() * precision.bytesPerTrained()
            + frozen * precision.bytesPerFrozen();
    Table table = plan.table();
    tokenizer(table, io);
    table
        .line(
            "parameters",
            trainee.parameters(),
            trainee.drawn() ? "drawn by the seed, " + model : model.toString())
        .line(
            "trained parameters",
            trainee.trainedParameters(),
            text("%.1f %%", 100.0 * trainee.trainedParameters() / trainee.parameters()))
        .line("device", precision.device().isGpu() ? "GPU" : "CPU", precision.text())
        .line(
            "memory",
            text("%,d MiB", bytes >> 20),
            "weights, gradients, moments; activations beside");
    terminal.err().print(table);
  }

  /** What happened. */
  static void end(
      Terminal terminal, Ledger ledger, Path folder, RunLog log, Samples samples, Trainee trainee) {
    terminal.out().println();
    terminal.out().print(Curve.of(log.history()));
    terminal.out().print(samples.after(trainee));
    terminal.out().println();
    Table table =
        new Table()
            .ledger(ledger)
            .line(
                "training",
                text("%.1f s", log.training().toMillis() / 1000.0),
                text("%.1f %% of it waiting for data", 100 * log.waitedShare()))
            .line("tokens/s", text("%,.0f", log.tokensPerSecond()), "padding included");
    log.mfu()
        .ifPresent(
            mfu ->
                table.line("MFU", text("%.1f %%", 100 * mfu), "of the card's dense bfloat16 peak"));
    log.deviceGib()
        .ifPresent(gib -> table.line("device memory", text("%.1f GiB", gib), "in use at most"));
    if (log.withoutTarget() > 0) {
      table.line("steps without target", log.withoutTarget(), "no weight was moved");
    }
    if (log.notFinite() > 0) {
      table.line("steps of loss NaN", log.notFinite(), "the model is of no use");
    }
    terminal.out().print(table.line("model", "", folder.toString()));
  }

  /** Who tokenizes, and where it is not the fast one, why. */
  static void tokenizer(Table table, Ports io) {
    if (io.shards().isEmpty() && io.kind().isText()) {
      table.line("tokenizer", "", io.tokenizer().backend());
    }
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
