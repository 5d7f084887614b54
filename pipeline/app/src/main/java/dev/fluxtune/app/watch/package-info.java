/**
 * Those who watch a run: none can slow or stop it.
 *
 * <p>{@code RunEvent, TrainerState.Log, Sampled → log.jsonl, samples.jsonl, TensorBoard, W&B,
 * Prometheus}
 */
@NullMarked
package dev.fluxtune.app.watch;

import org.jspecify.annotations.NullMarked;
