/**
 * Rows become text, and the parts of it that are trained.
 *
 * <p>{@code Example → Prompted}
 */
@NullMarked
package dev.fluxtune.pipeline.format;

import org.jspecify.annotations.NullMarked;
