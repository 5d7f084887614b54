package dev.fluxtune.app.command;

import dev.fluxtune.app.terminal.Terminal;
import java.nio.file.Path;
import java.util.List;

/**
 * What the subcommands do once their configuration is known to be right. An action returns when it
 * is done; what the user can mend it throws as {@link dev.fluxtune.schemas.BadInputException}.
 */
public interface Actions {
  /** Trains; checkpoints and the model go into {@code output_dir}. */
  void run(Resolved run);

  /** Packs rows into shards in {@code output_dir}. */
  void pack(Resolved run);

  /** Counts, and predicts the memory that training takes. */
  void plan(Resolved run, Planning asked);

  /**
   * Shows chunks.
   *
   * @param first the number of the first chunk, from 0
   * @param count how many
   * @param plain whether to do without colours and styles, as for a pipe
   */
  void inspect(Resolved run, long first, long count, boolean plain);

  /** Writes on from prompts. */
  void generate(Resolved run, Generation asked);

  /**
   * Merges adapters into their base, in {@code output_dir}.
   *
   * @param adapter the folder of the adapters
   */
  void merge(Resolved run, Path adapter);

  /**
   * Writes one report of several runs.
   *
   * @param runs their folders, at least one
   * @param report the file
   */
  void compare(Terminal terminal, List<Path> runs, Path report);
}
