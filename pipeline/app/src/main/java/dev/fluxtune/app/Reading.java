package dev.fluxtune.app;

import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Position;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * How far the rows of an epoch had been read when each of its batches was made; written by the
 * thread that makes them, ahead of the one that trains. Where chunks come from shards it stays
 * empty: they are found by number.
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

  private final ConcurrentSkipListMap<At, Position> positions = new ConcurrentSkipListMap<>();
  private Position last = Position.START;
  private long epoch = -1;
  private long batches;

  void packed(Packed chunk) {
    last = chunk.next();
  }

  void batch(long of) {
    if (of != epoch) {
      epoch = of;
      batches = 0;
    }
    batches++;
    positions.put(new At(epoch, batches), last);
  }

  /** Where reading stood when so many batches of an epoch had been made; forgets what is older. */
  Position at(long epoch, long batches) {
    At asked = new At(epoch, batches);
    positions.headMap(asked).clear();
    return positions.getOrDefault(asked, Position.START);
  }
}
