package dev.fluxtune.app.command;

import dev.fluxtune.app.terminal.Terminal;
import dev.fluxtune.schemas.RunConfig;

/**
 * What an action starts from.
 *
 * @param config checked whole
 */
public record Resolved(RunConfig config, Terminal terminal) {}
