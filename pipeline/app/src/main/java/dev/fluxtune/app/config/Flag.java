package dev.fluxtune.app.config;

import java.util.List;

/**
 * What stands on the command line: {@code --max_length 512}.
 *
 * @param name without the dashes, known or not; empty for a word that belongs to no flag
 * @param values none for a bare flag, several for {@code --report_to page jsonl}
 */
public record Flag(String name, List<String> values) {
  public Flag {
    values = List.copyOf(values);
  }
}
