/**
 * The loop: micro-batches become steps, gradients become weights, and what happened is told; and
 * the memory that this takes, foretold.
 *
 * <p>{@code Batch → RunEvent}
 */
@NullMarked
package dev.fluxtune.trainer.loop;

import org.jspecify.annotations.NullMarked;
