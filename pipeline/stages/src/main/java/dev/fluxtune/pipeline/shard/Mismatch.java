package dev.fluxtune.pipeline.shard;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Differences;
import dev.fluxtune.schemas.ShardFormat;
import java.nio.file.Path;

/** Says in which settings a folder of shards differs from what was asked for. */
final class Mismatch {
  private Mismatch() {}

  static BadInputException of(Path folder, int version, ObjectNode theirs, ObjectNode ours) {
    return new BadInputException(
        differences(folder, version, theirs, ours)
            + "\ngive another output folder, the settings above, or remove the folder");
  }

  /** One difference a line. */
  static String differences(Path folder, int version, ObjectNode theirs, ObjectNode ours) {
    StringBuilder message = new StringBuilder();
    message.append(folder).append(": holds shards made by other settings (theirs → ours):");
    if (version != ShardFormat.VERSION) {
      message.append("\n  format version: ").append(version).append(" → ");
      message.append(ShardFormat.VERSION);
    }
    for (String difference : Differences.between(theirs, ours)) {
      message.append("\n  ").append(difference);
    }
    return message.toString();
  }
}
