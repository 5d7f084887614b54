/**
 * Low-rank adapters: which weights have one, and the files that PEFT reads and writes.
 *
 * <p>{@code a model's shapes, what is asked for → Lora → adapter_config.json,
 * adapter_model.safetensors}
 */
@NullMarked
package dev.fluxtune.trainer.adapter;

import org.jspecify.annotations.NullMarked;
