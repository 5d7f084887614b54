package dev.fluxtune.pipeline.pack;

import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Packing;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.Tokenized;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Constant-length packing: documents end to end, cut every {@code maxLength} tokens, the remainder
 * carried on. With L = 4, {@code [1..5] [6,7] [8,9,10] [11]} gives {@code 1234 5678 9 10 11}.
 */
final class Wrapped implements Packer {

  private final Packing.Wrapped how;

  // The chunk being filled: of full length, handed on when full, so that a token is copied once.
  private int[] ids;
  private int[] labels;
  private int[] seqLengths = new int[8];
  private int documentsInChunk;
  private int used;
  private long document;
  private int skip;
  private Ledger ledger;

  Wrapped(Packing.Wrapped how, Position from) {
    this.how = how;
    this.ids = new int[how.maxLength()];
    this.labels = new int[how.maxLength()];
    this.document = from.document();
    this.skip = from.offset();
    this.ledger = from.ledger();
  }

  /** Adds documents; returns the chunks they fill. */
  @Override
  public List<Packed> add(List<Tokenized> documents) {
    List<Packed> full = new ArrayList<>();
    for (Tokenized next : documents) {
      int length = next.ids().length;
      // Where packing goes on inside a document, its head was counted before.
      ledger = skip > 0 ? ledger.more(length - skip) : ledger.read(length);
      if (next.hasTarget()) {
        append(next, full);
      } else {
        ledger = ledger.untrained(length);
      }
      skip = 0;
      document++;
    }
    return full;
  }

  private void append(Tokenized next, List<Packed> full) {
    int length = next.ids().length;
    int at = skip;
    while (at < length) {
      int n = Math.min(length - at, how.maxLength() - used);
      Packer.copy(next, at, n, ids, labels, used);
      if (documentsInChunk == seqLengths.length) {
        seqLengths = Arrays.copyOf(seqLengths, 2 * documentsInChunk);
      }
      seqLengths[documentsInChunk++] = n;
      used += n;
      at += n;
      if (used == how.maxLength()) {
        full.add(close(0, at, length));
      }
    }
  }

  /** Ends the chunk; {@code at} of {@code length} tokens of the current document are behind. */
  private Packed close(int padding, int at, int length) {
    Chunk chunk = new Chunk(ids, labels, Arrays.copyOf(seqLengths, documentsInChunk), padding);
    ids = new int[how.maxLength()];
    labels = new int[how.maxLength()];
    documentsInChunk = 0;
    used = 0;
    ledger = ledger.packed(chunk);
    Position next =
        at < length
            ? new Position(document, at, ledger.more(at - length))
            : new Position(document + 1, 0, ledger);
    return new Packed(chunk, next);
  }

  /** The last, unfull chunk, where it is kept. */
  @Override
  public List<Packed> finish() {
    if (used == 0) {
      return List.of();
    }
    document--; // close() counts the current document; all are behind already
    switch (how.tail()) {
      case DROP -> {
        ledger = ledger.tail(used);
        used = 0;
        return List.of();
      }
      case KEEP -> {
        ids = Arrays.copyOf(ids, used);
        labels = Arrays.copyOf(labels, used);
        return List.of(close(0, 0, 0));
      }
      case PAD -> {
        int padding = how.maxLength() - used;
        Arrays.fill(ids, used, how.maxLength(), how.padId());
        Arrays.fill(labels, used, how.maxLength(), Chunk.IGNORED);
        seqLengths = Arrays.copyOf(seqLengths, documentsInChunk + 1);
        seqLengths[documentsInChunk++] = padding;
        return List.of(close(padding, 0, 0));
      }
    }
    throw new AssertionError(how.tail());
  }

  /** The account of all that was read, the tail included once finished. */
  @Override
  public Ledger ledger() {
    return ledger;
  }
}
