package dev.fluxtune.app.config;

import dev.fluxtune.schemas.RunConfig;
import java.util.List;

/**
 * A configuration without a problem.
 *
 * @param notices what the user should know of how it was read: a sentence each
 */
public record Parsed(RunConfig config, List<String> notices) {
  public Parsed {
    notices = List.copyOf(notices);
  }
}
