/**
 * Which tokens are trained, decided by the characters they hold.
 *
 * <p>{@code Encoded → Tokenized}
 */
@NullMarked
package dev.fluxtune.pipeline.mask;

import org.jspecify.annotations.NullMarked;
