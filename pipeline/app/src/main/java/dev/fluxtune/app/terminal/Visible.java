package dev.fluxtune.app.terminal;

import java.nio.file.Path;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Text of rows and models as a terminal may show it. Nothing in it moves the cursor, sets colours
 * or turns the direction of what follows: such characters are shown as JSON writes them, {@code
 * \u001b} for an escape, so that JSON stays the same JSON.
 */
public final class Visible {
  private static final int LONGEST_LINE = 2000;

  /** Control characters but tab and line feed, line separators, and what turns the direction. */
  private static final Pattern HIDDEN =
      Pattern.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]");

  /** What a shell takes as it is. */
  private static final Pattern PLAIN = Pattern.compile("[\\w./:=@%+,-]+");

  private Visible() {}

  /**
   * A file's or folder's name in a command that a person may copy: quoted where a shell needs it.
   */
  public static String inCommand(Path path) {
    String text = path.toString();
    return PLAIN.matcher(text).matches() ? text : "'" + text.replace("'", "'\\''") + "'";
  }

  /** All of a text. */
  public static String of(String text) {
    return HIDDEN.matcher(text).replaceAll(it -> "\\\\u%04x".formatted((int) it.group().charAt(0)));
  }

  /**
   * A message, which may hold a row's text: of lines that nobody would read the end is left out.
   */
  public static String message(String text) {
    return text.lines()
        .map(
            line ->
                line.length() <= LONGEST_LINE
                    ? line
                    : "%s… (%,d characters more)"
                        .formatted(line.substring(0, LONGEST_LINE), line.length() - LONGEST_LINE))
        .map(Visible::of)
        .collect(Collectors.joining("\n"));
  }
}
