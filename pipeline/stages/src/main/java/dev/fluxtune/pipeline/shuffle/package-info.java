/**
 * Another order: of the rows once, and of the chunks in every epoch; the same for the same seed.
 * And which rows are set aside to evaluate on.
 *
 * <p>{@code RecordBatch → RecordBatch, Chunk → Chunk}
 */
@NullMarked
package dev.fluxtune.pipeline.shuffle;

import org.jspecify.annotations.NullMarked;
