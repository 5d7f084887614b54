package dev.fluxtune.app;

import ai.djl.engine.Engine;
import dev.fluxtune.app.command.Version;
import dev.fluxtune.app.config.ConfigWriter;
import dev.fluxtune.app.page.Fact;
import dev.fluxtune.app.page.RunFacts;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.StepPlan;
import dev.fluxtune.trainer.model.Gpu;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What a page and a report tell of a run before its first step. */
final class PageFacts {
  private PageFacts() {}

  /**
   * Gathers it.
   *
   * @param start what the terminal shows before the first step
   */
  static RunFacts of(RunConfig config, Path folder, StepPlan plan, Ledger ledger, Table start) {
    Map<String, String> settings = new LinkedHashMap<>();
    ConfigWriter.values(config).forEach((key, value) -> settings.put(key, String.valueOf(value)));
    String name = folder.toAbsolutePath().normalize().getFileName().toString();
    return new RunFacts(
        config.output().runName().orElse(name),
        folder,
        Optional.of(plan),
        Optional.of(ledger),
        start.facts(),
        settings,
        environment());
  }

  private static List<Fact> environment() {
    Runtime here = Runtime.getRuntime();
    return List.of(
        new Fact("fluxtune", Version.text(), ""),
        new Fact(
            "JVM",
            property("java.vm.version"),
            "%s, %s; heap of %,d MiB at most"
                .formatted(
                    property("java.vm.name"), property("java.vm.vendor"), here.maxMemory() >> 20)),
        new Fact(
            "system",
            property("os.name"),
            String.format(
                Locale.ROOT,
                "%s, %s, %d processors",
                property("os.version"),
                property("os.arch"),
                here.availableProcessors())),
        new Fact("PyTorch", Engine.getEngine("PyTorch").getVersion(), "libtorch, through DJL"),
        new Fact("device", Gpu.name().orElse("CPU"), ""));
  }

  private static String property(String name) {
    return System.getProperty(name, "unknown");
  }
}
