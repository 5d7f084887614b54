package dev.fluxtune.app;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Small answers that were dear to find, kept across runs under {@code
 * ${XDG_CACHE_HOME:-~/.cache}/fluxtune}. Losing it costs time and nothing else.
 */
final class Cache {
  private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");

  private final Path folder;

  Cache(Path folder) {
    this.folder = folder;
  }

  static Cache ofUser() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path home =
        xdg == null || xdg.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(xdg);
    return new Cache(home.resolve("fluxtune"));
  }

  /** The answer kept for a question. */
  Optional<String> read(String question) {
    try {
      return Optional.of(Files.readString(file(question)));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Keeps the answer to a question. */
  void keep(String question, String answer) {
    try {
      Files.createDirectories(folder);
      Path part = Files.createTempFile(folder, ".", ".tmp");
      Files.writeString(part, answer);
      Files.move(
          part,
          file(question),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      // A home that cannot be written to: the answer is found again next time.
    }
  }

  private Path file(String question) {
    return folder.resolve(Sha256.of(question.getBytes(StandardCharsets.UTF_8)));
  }

  /**
   * SHA-256 of a file's bytes, in hexadecimal; kept by its path, size and time.
   *
   * @throws BadInputException if it cannot be read
   */
  String sha256(Path file) {
    try {
      String question =
          "sha256 %s %d %s"
              .formatted(
                  file.toRealPath(), Files.size(file), Files.getLastModifiedTime(file).toInstant());
      Optional<String> kept = read(question).filter(it -> HASH.matcher(it).matches());
      if (kept.isPresent()) {
        return kept.get();
      }
      String found = Sha256.of(file);
      keep(question, found);
      return found;
    } catch (IOException e) {
      throw new BadInputException("%s: cannot be read (%s)".formatted(file, Reason.of(e)), e);
    }
  }
}
