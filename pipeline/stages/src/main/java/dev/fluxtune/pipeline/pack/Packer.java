package dev.fluxtune.pipeline.pack;

import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Tokenized;
import java.util.List;

/** The state of one packing: documents go in, the chunks they complete come out. */
interface Packer {
  List<Packed> add(List<Tokenized> documents);

  /** What is left when the documents end. */
  List<Packed> finish();

  /** The account of all that was read; balances once finished. */
  Ledger ledger();

  /**
   * Copies {@code length} tokens of a document, from {@code at}, into a chunk at {@code used}. The
   * first of each fragment has no token before it in its chunk: never a target.
   */
  static void copy(Tokenized document, int at, int length, int[] ids, int[] labels, int used) {
    System.arraycopy(document.ids(), at, ids, used, length);
    labels[used] = Chunk.IGNORED;
    for (int i = 1; i < length; i++) {
      labels[used + i] = document.trained()[at + i] ? ids[used + i] : Chunk.IGNORED;
    }
  }
}
