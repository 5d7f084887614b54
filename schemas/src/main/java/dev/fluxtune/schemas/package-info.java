/**
 * What travels between the stages and what is agreed between them: records, the formats of files
 * and how they are written whole. Nothing here knows a stage.
 *
 * <p>{@code Example → Prompted → Encoded → Tokenized → Chunk → Batch}
 */
@NullMarked
package dev.fluxtune.schemas;

import org.jspecify.annotations.NullMarked;
