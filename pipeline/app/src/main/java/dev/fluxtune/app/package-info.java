/**
 * The composition root: the recipe, the {@code pipeline} command and its configuration.
 *
 * <p>{@code command line → shards, plan}
 */
@NullMarked
package dev.fluxtune.app;

import org.jspecify.annotations.NullMarked;
