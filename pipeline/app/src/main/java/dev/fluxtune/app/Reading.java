package dev.fluxtune.app;

import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Position;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * How far the rows of an epoch had been read when each of its batches was made: of those that are
 * not trained on yet, and the last that is. Written by the thread that makes them, ahead of the one
 * that trains. Where chunks come from shards it stays empty: they are found by number.
 */
final class Reading {
  /** What is kept for one batch: the epoch, the batches of it so far, the position. */
  private record At(long epoch, long batches) implements Comparable<At> {
    @Override
    public int compareTo(At other) {
      return epoch != other.epoch
          ? Long.compare(epoch, other.epoch)
          : Long.compare(batches, other.batches);
    }
  }

  private final boolean asked;
  private final ConcurrentSkipListMap<At, Position> positions = new ConcurrentSkipListMap<>();
  private Position last = Position.START;
  private long epoch = -1;
  private long batches;

  private Reading(boolean asked) {
    this.asked = asked;
  }

  /** For a run, which asks at its checkpoints and says how far it is. */
  static Reading ofRun() {
    return new Reading(true);
  }

  /** Where nobody will ask: nothing is kept. */
  static Reading unasked() {
    return new Reading(false);
  }

  void packed(Packed chunk) {
    last = chunk.next();
  }

  void batch(long of) {
    if (of != epoch) {
      epoch = of;
      batches = 0;
    }
    batches++;
    if (asked) {
      positions.put(new At(epoch, batches), last);
    }
  }

  /** So many batches of an epoch are trained on: forgets what is older. */
  void reached(long epoch, long batches) {
    positions.headMap(new At(epoch, batches)).clear();
  }

  /** Where reading stood when so many batches of an epoch had been made. */
  Position at(long epoch, long batches) {
    return positions.getOrDefault(new At(epoch, batches), Position.START);
  }

  /** How many batches' positions are kept. */
  int size() {
    return positions.size();
  }
}
