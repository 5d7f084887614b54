package dev.fluxtune.pipeline.source;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;

/** The files that a data set's name stands for. */
public final class DatasetFiles {
  private static final Pattern GLOB = Pattern.compile("[*?\\[{]");

  private DatasetFiles() {}

  /**
   * Finds the files of a split, in natural order of their names. Where a folder's names tell no
   * split, as with a file or a glob, all is {@code train}.
   *
   * @param pathOrHubId a file, a glob, a folder, or a data set in the local Hugging Face cache
   * @param split such as {@code train}
   * @throws BadInputException if there are none; with the command that fetches them, where one may
   */
  public static List<Path> resolve(String pathOrHubId, String split) {
    return resolve(pathOrHubId, split, System.getenv());
  }

  /**
   * @param environment where the cache is looked up
   */
  static List<Path> resolve(String name, String split, Map<String, String> environment) {
    try {
      Path path = Path.of(name);
      if (Files.isRegularFile(path)) {
        return Splits.named(List.of(path), split, name);
      }
      if (Files.isDirectory(path)) {
        return folder(path, split);
      }
      if (GLOB.matcher(name).find()) {
        return Splits.named(glob(name), split, name);
      }
      Optional<Path> snapshot = HubCache.snapshot("datasets", name, environment);
      if (snapshot.isPresent()) {
        return folder(snapshot.get(), split);
      }
    } catch (IOException | InvalidPathException e) {
      throw new BadInputException(
          "%s: its files cannot be listed (%s); correct the path".formatted(name, Reason.of(e)), e);
    } catch (UncheckedIOException e) { // of a folder below
      IOException cause = Objects.requireNonNull(e.getCause());
      throw new BadInputException(
          "%s: its files cannot be listed (%s: %s); move that away, or name files by a pattern"
              .formatted(name, cause.getMessage(), Reason.of(cause)),
          e);
    }
    throw missing(name, environment);
  }

  private static BadInputException missing(String name, Map<String, String> environment) {
    if (HubCache.isId(name)) {
      return new BadInputException(
          "%s: there is no such file or folder, nor a data set of that name in %s; correct the path, or fetch it: hf download --repo-type dataset %s"
              .formatted(name, HubCache.folder(environment), name));
    }
    return new BadInputException(name + ": there is no such file or folder; correct the path");
  }

  private static List<Path> folder(Path folder, String split) throws IOException {
    try (Stream<Path> walk = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
      return Splits.of(folder, walk.filter(Files::isRegularFile).toList(), split);
    }
  }

  private static List<Path> glob(String pattern) throws IOException {
    Path base = base(pattern);
    int depth =
        pattern.contains("**")
            ? Integer.MAX_VALUE
            : Path.of(pattern).getNameCount()
                - (base.toString().isEmpty() ? 0 : base.getNameCount());
    if (!Files.isDirectory(base)) {
      throw new BadInputException(
          "%s: there is no folder %s; correct the path".formatted(pattern, base));
    }
    boolean hidden = pattern.matches("(.*/)?\\.[^./].*"); // asked for
    PathMatcher matcher = matcher(base, pattern);
    // The JDK's **/ wants a folder at least, everybody else's none.
    PathMatcher flat = matcher(base, pattern.replace("**/", ""));
    List<Path> files;
    try (Stream<Path> walk = Files.walk(base, depth, FileVisitOption.FOLLOW_LINKS)) {
      files =
          walk.filter(p -> matcher.matches(p) || flat.matches(p))
              .filter(p -> hidden || !Splits.isHidden(base.relativize(p)))
              .filter(Files::isRegularFile)
              .sorted(Splits.NATURAL)
              .toList();
    }
    if (files.isEmpty()) {
      throw new BadInputException(pattern + ": no file matches; correct the pattern");
    }
    return files;
  }

  /** The folders before the first wildcard. */
  private static Path base(String pattern) {
    Matcher wildcard = GLOB.matcher(pattern);
    int slash = wildcard.find() ? pattern.lastIndexOf('/', wildcard.start()) : -1;
    return Path.of(slash < 0 ? "" : pattern.substring(0, Math.max(slash, 1)));
  }

  private static PathMatcher matcher(Path base, String pattern) {
    try {
      return base.getFileSystem().getPathMatcher("glob:" + pattern);
    } catch (PatternSyntaxException e) {
      throw new BadInputException(pattern + ": no such pattern: " + e.getDescription(), e);
    }
  }
}
