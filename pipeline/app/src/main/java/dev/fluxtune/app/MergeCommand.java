package dev.fluxtune.app;

import dev.fluxtune.app.command.Resolved;
import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.pipeline.source.HubCache;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.FolderLock;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.trainer.adapter.AdapterFolder;
import dev.fluxtune.trainer.checkpoint.Checkpoints;
import dev.fluxtune.trainer.checkpoint.SideFiles;
import dev.fluxtune.trainer.model.MergedWeights;
import dev.fluxtune.trainer.model.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** A base and its adapters as one model, in a folder of its own. */
final class MergeCommand {
  private final RunConfig config;
  private final Path adapter;
  private final Terminal terminal;

  MergeCommand(Resolved run, Path adapter) {
    this.config = run.config();
    this.adapter = adapter;
    this.terminal = run.terminal();
  }

  /**
   * Merges.
   *
   * @param output the folder of the merged model, which has to be empty
   */
  void run(Path output) {
    if (!AdapterFolder.is(adapter)) {
      throw new BadInputException(
          adapter + ": holds no adapter_config.json; give --adapter, the folder of an adapter");
    }
    Path base = base();
    ModelConfig model = ModelConfig.read(base);
    try (MergedWeights merged = MergedWeights.of(base, model, adapter)) {
      write(merged, base, output);
      terminal
          .out()
          .print(
              new Table()
                  .line("weights", merged.contents().size(), base.toString())
                  .line("  merged", merged.lora().modules().size(), "into each its adapter")
                  .line("  replaced", merged.lora().saved().size(), "trained whole")
                  .line("model", "", output.toString()));
    }
  }

  private void write(MergedWeights merged, Path base, Path output) {
    Path tokenizer = Files.exists(adapter.resolve("tokenizer.json")) ? adapter : base;
    SideFiles sideFiles = SideFiles.read(base, Optional.of(tokenizer));
    try {
      FolderLock lock = FolderLock.take(output);
      try {
        checkEmpty(output);
        Checkpoints folder = new Checkpoints(output);
        folder.tidy(); // of a merge that was stopped
        folder.writeModel(merged.contents(), sideFiles);
      } finally {
        lock.close();
      }
    } catch (IOException e) {
      throw new BadInputException(
          "%s: cannot be written (%s); give another output_dir".formatted(output, Reason.of(e)), e);
    }
  }

  private Path base() {
    String named = AdapterFolder.base(adapter);
    String given =
        config
            .model()
            .modelNameOrPath()
            .orElseThrow(
                () ->
                    new BadInputException(
                        "merge needs --model_name_or_path, the adapter's base; it names " + named));
    Path base = HubCache.model(given);
    if (AdapterFolder.is(base)) {
      throw new BadInputException(
          base + ": holds an adapter; give the model it belongs to, " + AdapterFolder.base(base));
    }
    AdapterFolder.otherBase(adapter, given).ifPresent(terminal::note);
    return base;
  }

  private static void checkEmpty(Path output) throws IOException {
    try (Stream<Path> files = Files.list(output)) {
      if (files.anyMatch(
          file -> !file.endsWith(FolderLock.FILE) && !Checkpoints.isLeftOver(file))) {
        throw new BadInputException(
            output + ": holds something already; give another output_dir, or remove it");
      }
    }
  }
}
