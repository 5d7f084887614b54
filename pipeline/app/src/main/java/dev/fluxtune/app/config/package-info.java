/**
 * What the user set, read whole and checked before any file or device is touched.
 *
 * <p>{@code YAML file + flags → RunConfig}
 */
@NullMarked
package dev.fluxtune.app.config;

import org.jspecify.annotations.NullMarked;
