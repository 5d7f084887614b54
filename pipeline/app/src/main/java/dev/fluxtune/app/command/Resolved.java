package dev.fluxtune.app.command;

import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.schemas.RunConfig;
import java.util.List;

/**
 * What an action starts from.
 *
 * @param config checked whole
 * @param notices how it was read, a sentence each; the command has printed them already
 */
public record Resolved(RunConfig config, List<String> notices, Terminal terminal) {
  public Resolved {
    notices = List.copyOf(notices);
  }
}
