/**
 * What travels between the stages and what is agreed between them; nothing here reads, computes or
 * prints.
 *
 * <p>{@code Example → Prompted → Encoded → Tokenized → Chunk → Batch}
 */
@NullMarked
package dev.fluxtune.schemas;

import org.jspecify.annotations.NullMarked;
