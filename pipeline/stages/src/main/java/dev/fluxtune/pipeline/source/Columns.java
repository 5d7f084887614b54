package dev.fluxtune.pipeline.source;

import dev.fluxtune.schemas.BadInputException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The columns of one file, numbered as they are met, under the names that {@link Names} gives. */
final class Columns {
  /** A column that is not kept. */
  static final int NONE = -1;

  /** What the columns of a data set are to be called, and which were met in its files. */
  static final class Names {
    private final Map<String, String> mapping;
    private final Set<String> kept;
    private final Set<String> met = new HashSet<>();

    /**
     * @param mapping theirs → ours
     * @param kept by their names; empty: all
     * @throws BadInputException if the two cannot be, whatever the files hold
     */
    Names(Map<String, String> mapping, List<String> kept) {
      this.mapping = Map.copyOf(mapping);
      this.kept = Set.copyOf(kept);
      Map<String, String> sources = new HashMap<>();
      mapping.forEach(
          (theirs, ours) -> {
            String other = sources.put(ours, theirs);
            if (other != null) {
              throw new BadInputException(
                  "column_mapping: both %s and %s become %s; a name can be given once"
                      .formatted(other, theirs, ours));
            }
            if (!kept.isEmpty() && !kept.contains(theirs)) {
              throw new BadInputException(
                  "column_mapping renames %s, which columns (%s) does not keep; add it there"
                      .formatted(theirs, String.join(", ", kept)));
            }
          });
    }

    /**
     * Checks, once all columns are known, that those asked for were among them.
     *
     * @param files the data set, for the message
     */
    void checkMet(String files) {
      check(mapping.keySet(), "column_mapping renames", files);
      check(kept, "columns keeps", files);
    }

    private void check(Set<String> asked, String what, String files) {
      List<String> missing = new ArrayList<>(asked);
      missing.removeAll(met);
      if (!missing.isEmpty()) {
        throw new BadInputException(
            "%s: %s %s, but the columns are %s; name one of those"
                .formatted(
                    files,
                    what,
                    String.join(", ", missing.stream().sorted().toList()),
                    String.join(", ", met.stream().sorted().toList())));
      }
    }
  }

  private final String path;
  private final Names dataSet;
  private final Map<String, Integer> numbers = new HashMap<>();
  private final Set<String> names = new LinkedHashSet<>();

  Columns(String path, Names dataSet) {
    this.path = path;
    this.dataSet = dataSet;
  }

  /** The number of a column, or {@link #NONE} if it is not kept. */
  int number(String theirs) {
    Integer number = numbers.get(theirs);
    return number == null ? add(theirs) : number;
  }

  private int add(String theirs) {
    dataSet.met.add(theirs);
    int number = NONE;
    if (dataSet.kept.isEmpty() || dataSet.kept.contains(theirs)) {
      String ours = dataSet.mapping.getOrDefault(theirs, theirs);
      number = names.size();
      if (!names.add(ours)) {
        throw new BadInputException(
            "%s: two columns are called %s once column_mapping is applied; rename the other one too, or leave it out of columns"
                .formatted(path, ours));
      }
    }
    numbers.put(theirs, number);
    return number;
  }

  /** Our names, in the order of their numbers; grows as columns are met. */
  Set<String> names() {
    return names;
  }

  String path() {
    return path;
  }
}
