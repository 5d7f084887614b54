package dev.fluxtune.pipeline.format;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Prompted;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.Span;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A prompt written by the user: text with {@code {column}} fields, the trained part between {@code
 * {% generation %}} and {@code {% endgeneration %}}; without these, all is trained. Other braces
 * are text. A byte order mark and one line break at the end, as editors add them, are no part of
 * it.
 */
public final class Template {
  /** A tag, something that looks like Jinja, or a field. */
  private static final Pattern MARK =
      Pattern.compile(
          "\\{%-?\\s*(?<tag>.*?)\\s*-?%}|\\{\\{.*?}}|\\{(?<field>[A-Za-z_][A-Za-z0-9_]*)}",
          Pattern.DOTALL);

  private static final Pattern GENERATION = Pattern.compile("\\{%-?\\s*generation\\b");

  /** A piece of the prompt: text as it is, or the column whose text stands there. */
  private record Part(String text, boolean field, boolean trained) {}

  private final String source;
  private final List<Part> parts;

  private Template(String source, List<Part> parts) {
    this.source = source;
    this.parts = parts;
  }

  /**
   * Reads the file of a template.
   *
   * @throws BadInputException if it cannot be read, or holds none
   */
  public static Template read(String file) {
    try {
      return parse(Files.readString(Path.of(file)), file);
    } catch (IOException e) {
      throw new BadInputException(
          file + ": cannot be read (" + Reason.of(e) + "); template takes the path of a text file",
          e);
    }
  }

  /**
   * Reads a template.
   *
   * @param name where it comes from, for messages
   * @throws BadInputException for an unknown or unpaired tag, Jinja, or a template without a field
   */
  public static Template parse(String text, String name) {
    String source = text.startsWith("\uFEFF") ? text.substring(1) : text;
    source = source.endsWith("\n") ? source.substring(0, source.length() - 1) : source;
    source = source.endsWith("\r") ? source.substring(0, source.length() - 1) : source;
    boolean everything = !GENERATION.matcher(source).find();
    List<Part> parts = new ArrayList<>();
    boolean inside = everything;
    int at = 0;
    Matcher mark = MARK.matcher(source);
    while (mark.find()) {
      long line = 1 + source.substring(0, mark.start()).chars().filter(c -> c == '\n').count();
      String where = name + ":" + line;
      literal(parts, source.substring(at, mark.start()), inside);
      at = mark.end();
      String tag = mark.group("tag");
      String field = mark.group("field");
      if (field != null) {
        parts.add(new Part(field, true, inside));
      } else if (tag == null) {
        throw new BadInputException(
            where + ": " + mark.group() + " is Jinja; a column is written {column} here");
      } else if (tag.equals("generation") && !inside) {
        inside = true;
      } else if (tag.equals("endgeneration") && inside && !everything) {
        inside = false;
      } else {
        throw new BadInputException(
            where
                + ": "
                + mark.group()
                + " does not fit here; the trained part stands between {% generation %} and {%"
                + " endgeneration %}, and there are no other tags");
      }
    }
    literal(parts, source.substring(at), inside);
    if (inside && !everything) {
      throw new BadInputException(name + ": {% generation %} without {% endgeneration %}");
    }
    if (parts.stream().noneMatch(Part::field)) {
      throw new BadInputException(name + ": has no {column}, so all rows would be the same text");
    }
    return new Template(source, parts);
  }

  private static void literal(List<Part> parts, String text, boolean trained) {
    if (!text.isEmpty()) {
      parts.add(new Part(text, false, trained));
    }
  }

  /**
   * Fills it in.
   *
   * @param row the text of a column
   */
  public Prompted fill(UnaryOperator<String> row) {
    StringBuilder text = new StringBuilder();
    List<Span> trained = new ArrayList<>();
    int start = -1;
    for (Part part : parts) {
      if (part.trained() && start < 0) {
        start = text.length();
      } else if (!part.trained() && start >= 0) {
        trained.add(new Span(start, text.length()));
        start = -1;
      }
      text.append(part.field() ? row.apply(part.text()) : part.text());
    }
    if (start >= 0) {
      trained.add(new Span(start, text.length()));
    }
    return new Prompted(text.toString(), trained);
  }

  /** The template as it was written. */
  @Override
  public String toString() {
    return source;
  }
}
