/**
 * Text becomes token ids, each with its place in the text.
 *
 * <p>{@code List<Prompted> → List<Encoded>}
 */
@NullMarked
package dev.fluxtune.pipeline.tokenize;

import org.jspecify.annotations.NullMarked;
