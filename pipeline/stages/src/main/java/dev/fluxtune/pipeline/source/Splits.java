package dev.fluxtune.pipeline.source;

import dev.fluxtune.schemas.BadInputException;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Tells the splits of a data set by its files' names, by the rules of Hugging Face ({@code
 * datasets/data_files.py}): {@code data/SPLIT-00000-of-00001…}, else folders' names, else files'
 * names, else all are {@code train}.
 */
final class Splits {
  /** Files by name, runs of digits as numbers: part-2 before part-10. */
  static final Comparator<Path> NATURAL = (a, b) -> natural(a.toString(), b.toString());

  private static final Pattern SHARD = Pattern.compile("data/([^/]+)-\\d{5}-of-\\d{5}[^/]*\\..*");

  /** What a keyword may be set apart by. */
  private static final String APART = "[-._ 0-9]";

  private static final Map<String, String> KEYWORDS =
      Map.of(
          "train", "train|training",
          "validation", "validation|valid|dev|val",
          "test", "test|testing|eval|evaluation");

  private static final Map<String, Pattern> IN_FOLDER_NAME =
      patterns("(.*/)?([^/]*" + APART + ")?(%s)(" + APART + "[^/]*)?/.*");
  private static final Map<String, Pattern> IN_FILE_NAME =
      patterns("(.*/)?([^/]*" + APART + ")?(%s)" + APART + "[^/]*");

  /** What lies beside the rows: cards, and the caches of {@code map} beside saved data sets. */
  private static final Pattern IGNORED =
      Pattern.compile(
          "config\\.json|dataset_infos?\\.json|dataset_dict\\.json|state\\.json|cache-.*\\.arrow");

  private static final Map<String, String> FORMATS =
      Map.of(
          "parquet", "Parquet",
          "arrow", "Arrow",
          "json", "JSON",
          "jsonl", "JSON",
          "ndjson", "JSON",
          "csv", "CSV");

  private Splits() {}

  private static Map<String, Pattern> patterns(String form) {
    Map<String, Pattern> patterns = new LinkedHashMap<>();
    for (String split : List.of("train", "validation", "test")) {
      patterns.put(split, Pattern.compile(form.formatted(KEYWORDS.get(split))));
    }
    return patterns;
  }

  /**
   * The files of a split.
   *
   * @param all files in the folder and below it
   * @throws BadInputException if there are none, or they are of several formats
   */
  static List<Path> of(Path folder, List<Path> all, String split) {
    List<Path> files =
        all.stream()
            .filter(p -> !isHidden(folder.relativize(p)) && format(p) != null)
            .sorted(NATURAL)
            .toList();
    if (files.isEmpty()) {
      throw new BadInputException(
          "%s: the folder holds no file of rows; Parquet, Arrow, JSON, JSON lines and CSV are told by their names (.parquet, .arrow, .json, .jsonl, .csv)"
              .formatted(folder));
    }
    Map<String, List<Path>> splits = tell(folder, files);
    List<Path> found = splits.get(split);
    if (found == null) {
      throw new BadInputException(
          "%s: there is no split %s; its files are %s"
              .formatted(folder, split, String.join(", ", splits.keySet())));
    }
    Set<String> formats = new TreeSet<>();
    found.forEach(p -> formats.add(extension(p)));
    if (found.stream().map(Splits::format).distinct().count() > 1) {
      throw new BadInputException(
          "%s: split %s is there in several formats (%s), perhaps the same rows twice; name one by a pattern, such as %s/**/*.%s"
              .formatted(
                  folder, split, String.join(", ", formats), folder, formats.iterator().next()));
    }
    return found;
  }

  /**
   * The files of a split among those that a file's name or a pattern names: as {@code train}, all.
   */
  static List<Path> named(List<Path> files, String split, String name) {
    if (split.equals("train")) {
      return files;
    }
    Pattern inName = IN_FILE_NAME.get(split);
    List<Path> found =
        inName == null
            ? List.of()
            : files.stream().filter(p -> inName.matcher(slashes(p)).matches()).toList();
    if (found.isEmpty()) {
      throw new BadInputException(
          "%s: no file's name tells that it is the split %s, so all is train; give a folder of train and %s files"
              .formatted(name, split, split));
    }
    return found;
  }

  private static Map<String, List<Path>> tell(Path folder, List<Path> files) {
    Map<String, List<Path>> splits = new TreeMap<>();
    for (Path file : files) {
      Matcher shard = SHARD.matcher(slashes(folder.relativize(file)));
      if (shard.matches()) {
        splits.computeIfAbsent(shard.group(1), s -> new ArrayList<>()).add(file);
      }
    }
    for (Map<String, Pattern> patterns : List.of(IN_FOLDER_NAME, IN_FILE_NAME)) {
      if (splits.isEmpty()) {
        tell(folder, files, patterns, splits);
      }
    }
    return splits.isEmpty() ? Map.of("train", files) : splits;
  }

  private static void tell(
      Path folder,
      List<Path> files,
      Map<String, Pattern> patterns,
      Map<String, List<Path>> splits) {
    patterns.forEach(
        (split, pattern) -> {
          List<Path> found =
              files.stream()
                  .filter(p -> pattern.matcher(slashes(folder.relativize(p))).matches())
                  .toList();
          if (!found.isEmpty()) {
            splits.put(split, found);
          }
        });
  }

  /** Whether a path leads through what is not meant to be seen, such as .git and __pycache__. */
  static boolean isHidden(Path path) {
    for (Path name : path) {
      if (name.toString().startsWith(".") || name.toString().startsWith("__")) {
        return true;
      }
    }
    return IGNORED.matcher(path.getFileName().toString()).matches();
  }

  private static String slashes(Path path) {
    List<String> names = new ArrayList<>();
    path.forEach(name -> names.add(name.toString()));
    return String.join("/", names);
  }

  private static @Nullable String format(Path file) {
    return FORMATS.get(extension(file));
  }

  /** The extension without that of a compression. */
  static String extension(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    String plain = name.replaceFirst("\\.(gz|zst|zstd)$", "");
    return plain.substring(plain.lastIndexOf('.') + 1);
  }

  private static int natural(String a, String b) {
    int i = 0;
    int j = 0;
    while (i < a.length() && j < b.length()) {
      int toI = endOfDigits(a, i);
      int toJ = endOfDigits(b, j);
      if (toI == i || toJ == j) {
        int order = Character.compare(a.charAt(i++), b.charAt(j++));
        if (order != 0) {
          return order;
        }
      } else {
        int order =
            new BigInteger(a.substring(i, toI)).compareTo(new BigInteger(b.substring(j, toJ)));
        if (order != 0) {
          return order;
        }
        i = toI;
        j = toJ;
      }
    }
    int order = (a.length() - i) - (b.length() - j);
    return order != 0 ? order : a.compareTo(b); // 1 and 01
  }

  private static int endOfDigits(String text, int from) {
    int to = from;
    while (to < text.length() && text.charAt(to) >= '0' && text.charAt(to) <= '9') {
      to++;
    }
    return to;
  }
}
