/**
 * Documents become chunks.
 *
 * <p>{@code List<Tokenized> → Chunk}
 */
@NullMarked
package dev.fluxtune.pipeline.pack;

import org.jspecify.annotations.NullMarked;
