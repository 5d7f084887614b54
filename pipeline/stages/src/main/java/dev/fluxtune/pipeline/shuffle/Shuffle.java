package dev.fluxtune.pipeline.shuffle;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import reactor.core.publisher.Flux;

/** Shuffles a stream within a bounded buffer. */
public final class Shuffle {
  private Shuffle() {}

  /**
   * Holds {@code buffer} elements and gives a random one for each that comes; the rest follow in
   * random order at the end. The order depends on nothing but the arguments and the elements'.
   *
   * @param buffer elements held, at least 1
   */
  public static <T> Function<Flux<T>, Flux<T>> within(int buffer, long seed, long epoch) {
    return in ->
        Flux.defer(
            () -> {
              Random random = new Random(Permutation.mix(seed, epoch));
              List<T> held = new ArrayList<>();
              return in.<T>handle(
                      (next, sink) -> {
                        if (held.size() < buffer) {
                          held.add(next);
                        } else {
                          sink.next(held.set(random.nextInt(buffer), next));
                        }
                      })
                  .concatWith(
                      Flux.defer(
                          () -> {
                            Collections.shuffle(held, random);
                            return Flux.fromIterable(held);
                          }));
            });
  }
}
