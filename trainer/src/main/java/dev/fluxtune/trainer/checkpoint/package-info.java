/**
 * A run's state as files, whole after any crash: weights as safetensors in Hugging Face's layout,
 * the optimizer's state, and where the run stands. Knows files and bytes, no tensors.
 *
 * <p>{@code names, dtypes, bytes → checkpoint-N/ → names, dtypes, offsets}
 */
@NullMarked
package dev.fluxtune.trainer.checkpoint;

import org.jspecify.annotations.NullMarked;
