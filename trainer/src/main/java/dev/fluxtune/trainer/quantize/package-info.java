/**
 * Frozen weights in eight or four bits, as bitsandbytes defines them, made while the model is read.
 *
 * <p>{@code numbers of a weight → codes, and what scales them}
 */
@NullMarked
package dev.fluxtune.trainer.quantize;

import org.jspecify.annotations.NullMarked;
