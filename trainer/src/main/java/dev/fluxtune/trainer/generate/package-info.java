/**
 * Text goes on: what a model writes after a prompt, greedily or drawn.
 *
 * <p>{@code ids of a prompt → ids that follow}
 */
@NullMarked
package dev.fluxtune.trainer.generate;

import org.jspecify.annotations.NullMarked;
