/**
 * Where it all comes together: the recipe, the process, and what its subcommands do.
 *
 * <p>{@code arguments → shards, plan, chunks as text, checkpoints and a model, exit code}
 */
@NullMarked
package dev.fluxtune.app;

import org.jspecify.annotations.NullMarked;
