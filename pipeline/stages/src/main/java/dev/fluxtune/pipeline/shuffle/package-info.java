/**
 * Another order of the chunks in every epoch, the same for the same seed.
 *
 * <p>{@code Chunk → Chunk}
 */
@NullMarked
package dev.fluxtune.pipeline.shuffle;

import org.jspecify.annotations.NullMarked;
