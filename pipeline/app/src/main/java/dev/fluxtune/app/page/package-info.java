/**
 * A run as a page: live in a browser while it goes, and as a file when it is over.
 *
 * <p>{@code RunEvent, TrainerState.Log → server-sent events, report.html}
 */
@NullMarked
package dev.fluxtune.app.page;

import org.jspecify.annotations.NullMarked;
