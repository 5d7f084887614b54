package dev.fluxtune.pipeline.shard;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Manifest;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.Sha256;
import dev.fluxtune.schemas.ShardFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a run that was killed left in a folder.
 *
 * @param parts whole parts from the first on, without a gap
 * @param next where the chunk after them begins
 * @param padding how many tokens at their end are padding
 */
record Recovery(List<Manifest.Part> parts, Position next, int padding) {
  private static final Pattern PART = Pattern.compile("part-\\d{5,}\\.parquet");
  private static final Pattern UNFINISHED =
      Pattern.compile(
          "\\.(%s|%s)\\.tmp".formatted(PART.pattern(), Pattern.quote(ShardFormat.MANIFEST)));

  /**
   * Looks at a folder without a manifest and removes what cannot be used: unfinished files, and all
   * parts from the first on that is damaged or missing.
   *
   * @throws BadInputException if it holds anything else, or parts made by other settings
   */
  static Recovery of(Path folder, ObjectNode settings) throws IOException {
    TreeSet<String> unfinished = new TreeSet<>();
    TreeSet<String> files = new TreeSet<>();
    try (Stream<Path> list = Files.list(folder)) {
      for (Path path : list.toList()) {
        String name = path.getFileName().toString();
        if (UNFINISHED.matcher(name).matches()) {
          unfinished.add(name);
        } else if (PART.matcher(name).matches()) {
          files.add(name);
        } else if (!name.startsWith(".")) {
          throw foreign(folder, name);
        }
      }
    }
    List<PartNote> whole = wholeParts(folder, files, settings);
    for (PartNote note : whole) {
      files.remove(ShardFormat.part(note.index()));
    }
    for (String file : unfinished) {
      Files.delete(folder.resolve(file));
    }
    for (String file : files.descendingSet()) { // so that no gap appears, wherever it is killed
      Files.delete(folder.resolve(file));
    }
    Recovery found = new Recovery(new ArrayList<>(), Position.START, 0);
    for (PartNote note : whole) {
      found.parts().add(describe(folder.resolve(ShardFormat.part(note.index())), note));
      found = new Recovery(found.parts(), note.next(), note.padding());
    }
    return found;
  }

  private static List<PartNote> wholeParts(
      Path folder, TreeSet<String> files, ObjectNode settings) {
    List<PartNote> whole = new ArrayList<>();
    for (String file : files) {
      PartNote note;
      try (PartReader part = new PartReader(folder.resolve(file))) {
        note = part.note();
      } catch (PartReader.ForeignPartException e) {
        throw foreign(folder, file);
      } catch (IOException e) {
        continue; // nor are those behind it the next ones
      }
      if (note.version() != ShardFormat.VERSION
          || !note.fingerprint().equals(Manifest.fingerprint(settings))) {
        throw Mismatch.of(folder, note.version(), note.settings(), settings);
      }
      if (note.index() == whole.size() && file.equals(ShardFormat.part(whole.size()))) {
        whole.add(note);
      }
    }
    return whole;
  }

  private static Manifest.Part describe(Path file, PartNote note) throws IOException {
    return new Manifest.Part(
        file.getFileName().toString(),
        Sha256.of(file),
        Files.size(file),
        note.chunks(),
        note.tokens(),
        note.trained());
  }

  private static BadInputException foreign(Path folder, String file) {
    return new BadInputException(
        "%s: holds %s, which is no packed shard: give an empty or new folder for the output"
            .formatted(folder, file));
  }
}
