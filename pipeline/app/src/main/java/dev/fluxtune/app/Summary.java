package dev.fluxtune.app;

import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.trainer.adapter.Lora;
import dev.fluxtune.trainer.quantize.Quantization;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What a person reads before and after a run. */
final class Summary {
  private Summary() {}

  /** What is about to happen. */
  static Table start(Trainee trainee, PlanReport plan, Ports io) {
    Setup setup = trainee.setup();
    Precision precision = setup.precision();
    // Of two micro-batches a step: so all gradients count.
    long bytes = setup.memory(true, 1, 2, 1).state();
    Table table = plan.table();
    tokenizer(table, io);
    return table
        .line(
            "parameters",
            trainee.parameters(),
            (setup.drawn() ? "drawn by the seed, " : "") + setup.folder())
        .line(
            "trained parameters",
            trainee.trainedParameters(),
            text("%.1f %%", 100.0 * trainee.trainedParameters() / trainee.parameters()))
        .lines(setup.lora().map(Summary::adapters).orElse(new Table()))
        .lines(setup.form().map(Summary::form).orElse(new Table()))
        .line("device", precision.device().isGpu() ? "GPU" : "CPU", precision.text())
        .line(
            "memory",
            text("%,d MiB", bytes >> 20),
            "weights, gradients, moments; activations beside");
  }

  private static Table adapters(Lora lora) {
    Lora.Settings settings = lora.settings();
    Table table =
        new Table()
            .line(
                "adapters",
                lora.modules().size(),
                text(
                    "rank %d, scaled by %.4g, dropout %s, on %s",
                    settings.rank(), lora.scaling(), settings.dropout(), ends(lora.modules())));
    return lora.saved().isEmpty()
        ? table
        : table.line("trained whole", lora.saved().size(), ends(lora.saved()));
  }

  private static Table form(Quantization form) {
    return new Table().line("frozen products", form.bits() + " bits", form.text());
  }

  /** The last parts of names, each once. */
  private static String ends(List<String> names) {
    return names.stream()
        .map(name -> name.replaceAll("\\.(weight|bias)$", ""))
        .map(module -> module.substring(module.lastIndexOf('.') + 1))
        .distinct()
        .collect(Collectors.joining(", "));
  }

  /** What happened. */
  static void end(
      Terminal terminal, Ledger ledger, Path folder, RunLog log, Samples samples, Ports io) {
    terminal.out().println();
    terminal.out().print(Curve.of(log.history()));
    terminal.out().print(samples.after());
    terminal.out().println();
    Table table =
        new Table()
            .ledger(ledger)
            .line(
                "training",
                text("%.1f s", log.pace().elapsed().toMillis() / 1000.0),
                text("%.1f %% of it waiting for data", 100 * log.pace().waitedShare()))
            .line("tokens/s", text("%,.0f", log.pace().tokensPerSecond()), "padding not counted");
    log.pace()
        .mfu()
        .ifPresent(
            mfu ->
                table.line("MFU", text("%.1f %%", 100 * mfu), "of the card's dense bfloat16 peak"));
    log.pace()
        .deviceGib()
        .ifPresent(gib -> table.line("device memory", text("%.1f GiB", gib), "in use at most"));
    if (log.withoutTarget() > 0) {
      table.line("steps without target", log.withoutTarget(), "no weight was moved");
    }
    if (log.notFinite() > 0) {
      table.line("steps of loss NaN", log.notFinite(), "weights after the first are of no use");
    }
    if (log.pace().starved() && io.shards().isEmpty()) {
      table.line(
          "to be faster", "", "pipeline pack once, then run with --dataset_name its output_dir");
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
