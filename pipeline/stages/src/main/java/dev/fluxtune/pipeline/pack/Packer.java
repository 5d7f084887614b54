package dev.fluxtune.pipeline.pack;

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
}
