/**
 * Chunks rest on disk as Parquet, whole after any crash, and come back in any order.
 *
 * <p>{@code Chunk → part-00000.parquet, …, .manifest.json → Chunk}
 */
@NullMarked
package dev.fluxtune.pipeline.shard;

import org.jspecify.annotations.NullMarked;
