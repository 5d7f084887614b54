package dev.fluxtune.app;

import dev.fluxtune.schemas.RunConfig;

/** The data half of a run, in a process of its own: takes all batches of an epoch and counts. */
final class EpochProbe {
  private EpochProbe() {}

  /** Takes names and values of settings, in turn. */
  public static void main(String[] settings) {
    RunConfig config = Configs.of((Object[]) settings);
    try (Ports io = Ports.open(config, Configs.SILENT)) {
      long tokens =
          SftRecipe.epoch(io, 0, 0, Reading.unasked(), io.badRows(), end -> {})
              .map(batch -> (long) batch.size() * batch.length())
              .reduce(0L, Long::sum)
              .blockOptional()
              .orElse(0L);
      System.out.println("tokens " + tokens);
    }
  }
}
