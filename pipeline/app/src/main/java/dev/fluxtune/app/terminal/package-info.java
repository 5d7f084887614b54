/**
 * Where the command's output goes, and how it looks there.
 *
 * <p>{@code rows, tokens or steps so far → a bar, or plain lines}
 */
@NullMarked
package dev.fluxtune.app.terminal;

import org.jspecify.annotations.NullMarked;
