package dev.fluxtune.pipeline.source;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** What Hugging Face's hub client has fetched before. Nothing is downloaded. */
public final class HubCache {
  private static final Pattern ID = Pattern.compile("[\\w-][\\w.-]*(/[\\w.-]+)?");

  private HubCache() {}

  /**
   * Finds a model's, or a tokenizer's, folder.
   *
   * @param pathOrHubId a folder, a file, or a model in the local cache
   * @throws BadInputException if there is none, with the command that fetches it, where one may
   */
  public static Path model(String pathOrHubId) {
    return model(pathOrHubId, System.getenv());
  }

  static Path model(String pathOrHubId, Map<String, String> environment) {
    Path path = Path.of(pathOrHubId);
    if (Files.exists(path)) {
      return path;
    }
    try {
      return snapshot("models", pathOrHubId, environment)
          .orElseThrow(() -> missing(pathOrHubId, environment));
    } catch (IOException e) {
      throw new BadInputException(
          "%s: the local cache cannot be read (%s)".formatted(pathOrHubId, Reason.of(e)), e);
    }
  }

  private static BadInputException missing(String name, Map<String, String> environment) {
    return new BadInputException(
        isId(name)
            ? "%s: there is no such folder, nor a model of that name in %s; correct the path, or fetch it: hf download %s"
                .formatted(name, folder(environment), name)
            : name + ": there is no such file or folder; correct the path");
  }

  /** Whether a name may be one of the hub's. */
  static boolean isId(String name) {
    return ID.matcher(name).matches();
  }

  /**
   * The newest snapshot in the cache.
   *
   * @param kind {@code models} or {@code datasets}
   */
  static Optional<Path> snapshot(String kind, String id, Map<String, String> environment)
      throws IOException {
    if (!isId(id)) {
      return Optional.empty();
    }
    Path repository = folder(environment).resolve(kind + "--" + id.replace("/", "--"));
    Path main = repository.resolve("refs").resolve("main");
    if (!Files.isRegularFile(main)) {
      return Optional.empty();
    }
    Path snapshot = repository.resolve("snapshots").resolve(Files.readString(main).strip());
    return Optional.of(snapshot).filter(Files::isDirectory);
  }

  /** Where the hub's client keeps what it fetched. */
  static Path folder(Map<String, String> environment) {
    String hub = environment.get("HF_HUB_CACHE");
    if (hub != null) {
      return Path.of(hub);
    }
    String home = environment.get("HF_HOME");
    if (home != null) {
      return Path.of(home, "hub");
    }
    String caches = environment.get("XDG_CACHE_HOME");
    Path root =
        caches == null ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(caches);
    return root.resolve("huggingface").resolve("hub");
  }
}
