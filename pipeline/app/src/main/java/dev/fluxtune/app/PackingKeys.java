package dev.fluxtune.app;

import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.RunConfig;
import java.util.OptionalInt;

/** How documents are packed, as the keys say. */
final class PackingKeys {
  private PackingKeys() {}

  /**
   * @param endId the id that ends a document and pads, where one is known
   */
  static Packing read(RunConfig.Chunks chunks, OptionalInt endId) {
    if (!chunks.packing()) {
      return new Packing.None(chunks.maxLength().map(OptionalInt::of).orElse(OptionalInt.empty()));
    }
    int maxLength =
        chunks
            .maxLength()
            .orElseThrow(
                () ->
                    new BadInputException(
                        "max_length: packing needs one; null is for packing: false"));
    return switch (chunks.packingStrategy()) {
      case BFD -> new Packing.Bfd(maxLength, chunks.packingWindow());
      case BFD_SPLIT -> new Packing.BfdSplit(maxLength, chunks.packingWindow());
      case WRAPPED -> new Packing.Wrapped(maxLength, chunks.tail(), padId(chunks.tail(), endId));
    };
  }

  private static int padId(Packing.Tail tail, OptionalInt endId) {
    if (tail != Packing.Tail.PAD) {
      return 0; // not used
    }
    return endId.orElseThrow(
        () ->
            new BadInputException(
                "tail: pad needs an id to pad with: set concat_token_id (the rows are ids already,"
                    + " so no tokenizer says which)"));
  }
}
