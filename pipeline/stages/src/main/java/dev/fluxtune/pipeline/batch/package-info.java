/**
 * Chunks are stacked into what one forward pass takes.
 *
 * <p>{@code Chunk → Batch}
 */
@NullMarked
package dev.fluxtune.pipeline.batch;

import org.jspecify.annotations.NullMarked;
