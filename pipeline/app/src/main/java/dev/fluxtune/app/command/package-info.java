/**
 * The {@code pipeline} command: subcommands, help, completion, messages and exit codes.
 *
 * <p>{@code arguments → Resolved → an action → exit code}
 */
@NullMarked
package dev.fluxtune.app.command;

import org.jspecify.annotations.NullMarked;
