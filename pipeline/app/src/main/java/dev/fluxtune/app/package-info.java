/**
 * Where it all comes together: the process, and what its subcommands do.
 *
 * <p>{@code arguments → exit code}
 */
@NullMarked
package dev.fluxtune.app;

import org.jspecify.annotations.NullMarked;
