package dev.fluxtune.schemas;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Describes one key of {@link RunConfig}. The key is the component's name in snake_case; its type
 * is the component's; an {@link java.util.Optional} may be left unset. The configuration parser,
 * the flags, {@code --help} and the completion all read it.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Setting {
  /** One sentence without a final stop. */
  String help();

  /** The default, as it would be written in YAML; empty for an unset {@code Optional}. */
  String def() default "";

  /** Smallest number allowed. */
  double min() default Double.NEGATIVE_INFINITY;

  /** Largest number allowed. */
  double max() default Double.POSITIVE_INFINITY;
}
