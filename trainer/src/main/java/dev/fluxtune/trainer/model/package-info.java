/**
 * The model: its configuration, its weights by their Hugging Face names, its mathematics as one
 * TorchScript source, and forward and backward layer by layer.
 *
 * <p>{@code Batch → loss, gradients}
 */
@NullMarked
package dev.fluxtune.trainer.model;

import org.jspecify.annotations.NullMarked;
