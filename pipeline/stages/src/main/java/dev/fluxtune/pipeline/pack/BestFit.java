package dev.fluxtune.pipeline.pack;

import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Ledger;
import dev.fluxtune.schemas.Packed;
import dev.fluxtune.schemas.Position;
import dev.fluxtune.schemas.Tokenized;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Best-fit decreasing, as {@code pack_dataset} of TRL: in windows of documents, the longest first,
 * each into the fullest chunk that still has room, else into a new one. With L = 4, {@code [1..5]
 * [6,7] [8,9,10] [11]} gives {@code 1234 | 8 9 10 11 | 6 7}, and split {@code 1234 | 8 9 10 5 | 6 7
 * 11}.
 */
final class BestFit implements Packer {
  private final int maxLength;
  private final int windowSize;
  private final boolean split;

  private List<Tokenized> window = new ArrayList<>();
  private Position start;
  private Ledger ledger;

  BestFit(int maxLength, int windowSize, boolean split, Position from) {
    this.maxLength = maxLength;
    this.windowSize = windowSize;
    this.split = split;
    this.start = from;
    this.ledger = from.ledger();
  }

  /** A piece of a document: {@code length} tokens from {@code at}. */
  private record Fragment(Tokenized document, int at, int length) {}

  @Override
  public List<Packed> add(List<Tokenized> documents) {
    List<Packed> packed = new ArrayList<>();
    for (Tokenized document : documents) {
      window.add(document);
      if (window.size() == windowSize) {
        packed.addAll(close());
      }
    }
    return packed;
  }

  @Override
  public List<Packed> finish() {
    return window.isEmpty() ? List.of() : close();
  }

  @Override
  public Ledger ledger() {
    return ledger;
  }

  private List<Packed> close() {
    List<Chunk> chunks = bins(fragments()).stream().map(BestFit::chunk).toList();
    for (Chunk chunk : chunks) {
      ledger = ledger.packed(chunk);
    }
    Position end = new Position(start.document() + window.size(), 0, ledger);
    List<Packed> packed = new ArrayList<>();
    for (int k = start.offset(); k < chunks.size(); k++) {
      Position next =
          k + 1 == chunks.size() ? end : new Position(start.document(), k + 1, start.ledger());
      packed.add(new Packed(chunks.get(k), next));
    }
    start = end;
    window = new ArrayList<>();
    return packed;
  }

  private List<Fragment> fragments() {
    List<Fragment> fragments = new ArrayList<>();
    for (Tokenized document : window) {
      int length = document.ids().length;
      ledger = ledger.read(length);
      if (!document.hasTarget()) {
        ledger = ledger.untrained(length);
        continue;
      }
      int kept = split ? length : Math.min(length, maxLength);
      ledger = ledger.truncated(length - kept);
      for (int at = 0; at < kept; at += maxLength) {
        fragments.add(new Fragment(document, at, Math.min(maxLength, kept - at)));
      }
    }
    fragments.sort(Comparator.comparingInt(Fragment::length).reversed()); // stable
    return fragments;
  }

  private List<List<Fragment>> bins(List<Fragment> fragments) {
    List<List<Fragment>> bins = new ArrayList<>();
    // Room left → bins with just that room, first come first served.
    TreeMap<Integer, ArrayDeque<List<Fragment>>> byRoom = new TreeMap<>();
    for (Fragment fragment : fragments) {
      Map.Entry<Integer, ArrayDeque<List<Fragment>>> best = byRoom.ceilingEntry(fragment.length());
      int room;
      List<Fragment> bin;
      if (best == null) {
        room = maxLength;
        bin = new ArrayList<>();
        bins.add(bin);
      } else {
        room = best.getKey();
        bin = best.getValue().removeFirst();
        if (best.getValue().isEmpty()) {
          byRoom.remove(room);
        }
      }
      bin.add(fragment);
      if (room > fragment.length()) {
        byRoom.computeIfAbsent(room - fragment.length(), r -> new ArrayDeque<>()).addLast(bin);
      }
    }
    return bins;
  }

  private static Chunk chunk(List<Fragment> bin) {
    int[] seqLengths = bin.stream().mapToInt(Fragment::length).toArray();
    int[] ids = new int[Arrays.stream(seqLengths).sum()];
    int[] labels = new int[ids.length];
    int used = 0;
    for (Fragment fragment : bin) {
      Packer.copy(fragment.document(), fragment.at(), fragment.length(), ids, labels, used);
      used += fragment.length();
    }
    return new Chunk(ids, labels, seqLengths);
  }
}
