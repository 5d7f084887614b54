package dev.fluxtune.pipeline.tokenize;

import ai.djl.util.Platform;
import ai.djl.util.Utils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The folder that DJL unpacks the tokenizers' native library into. Where it sees a GPU, it unpacks
 * into a folder of the card's kind below; once it sees none (another driver, {@code
 * CUDA_VISIBLE_DEVICES=}), it takes the folder above, as it is there, for unpacked, and fails.
 */
final class TokenizersCache {
  private static final String LIBRARY = System.mapLibraryName("tokenizers");

  private TokenizersCache() {}

  /** Puts the library where DJL will look for it, if it stands further down only. */
  static void mend() {
    Platform platform = Platform.detectPlatform("tokenizers");
    mend(
        Utils.getEngineCacheDir("tokenizers")
            .resolve(platform.getVersion() + "-cpu-" + platform.getClassifier()));
  }

  static void mend(Path folder) {
    if (!Files.isDirectory(folder) || Files.exists(folder.resolve(LIBRARY))) {
      return;
    }
    try {
      Optional<Path> unpacked = unpackedBelow(folder);
      if (unpacked.isPresent()) {
        // A temporary name first: another process may load it.
        Path copy = Files.createTempFile(folder, "tokenizers", ".tmp");
        Files.copy(unpacked.get(), copy, StandardCopyOption.REPLACE_EXISTING);
        Files.move(copy, folder.resolve(LIBRARY), StandardCopyOption.ATOMIC_MOVE);
      }
    } catch (IOException e) {
      // DJL says what it misses, if it misses it.
    }
  }

  private static Optional<Path> unpackedBelow(Path folder) throws IOException {
    try (Stream<Path> kinds = Files.list(folder)) {
      return kinds.map(kind -> kind.resolve(LIBRARY)).filter(Files::exists).findFirst();
    }
  }
}
