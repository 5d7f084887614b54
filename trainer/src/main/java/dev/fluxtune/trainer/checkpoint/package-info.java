/**
 * Weights as files: the safetensors format.
 *
 * <p>{@code file → names, dtypes, shapes, offsets}
 */
@NullMarked
package dev.fluxtune.trainer.checkpoint;

import org.jspecify.annotations.NullMarked;
