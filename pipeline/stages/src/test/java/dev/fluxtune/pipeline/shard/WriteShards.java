package dev.fluxtune.pipeline.shard;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Packing.Tail;
import java.nio.file.Path;

/**
 * Writes a corpus in a process of its own, which can be killed. Arguments: folder, documents,
 * sizes.
 */
final class WriteShards {
  private WriteShards() {}

  static Corpus corpus(int documents) {
    return Corpus.of(8, documents, new Packing.Wrapped(10, Tail.KEEP, 0));
  }

  public static void main(String[] arguments) {
    Corpus corpus = corpus(Integer.parseInt(arguments[1]));
    PartWriter.Sizes sizes = arguments[2].equals("small") ? Corpus.SMALL : Shards.SIZES;
    try {
      Shards.write(Path.of(arguments[0]), corpus.settings(), corpus, sizes).block();
    } catch (BadInputException e) {
      System.out.println(e.getMessage());
      System.exit(2);
    }
  }
}
