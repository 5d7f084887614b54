/**
 * Files of rows, in whatever format, become Arrow record batches.
 *
 * <p>{@code List<Path> → RecordBatch}
 */
@NullMarked
package dev.fluxtune.pipeline.source;

import org.jspecify.annotations.NullMarked;
