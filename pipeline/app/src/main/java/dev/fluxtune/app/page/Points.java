package dev.fluxtune.app.page;

import java.util.ArrayList;
import java.util.List;

/**
 * The steps of a run in bounded memory: where they grow too many, each point takes in twice as many
 * neighbouring steps as before.
 */
final class Points {
  static final int MOST = 4096;

  private final List<Point> points = new ArrayList<>();
  private long stride = 1;

  /** Adds what came after all others; whether earlier points changed by it. */
  boolean add(Point point) {
    append(point);
    boolean many = points.size() > MOST;
    while (points.size() > MOST) {
      stride *= 2;
      List<Point> all = List.copyOf(points);
      points.clear();
      all.forEach(this::append);
    }
    return many;
  }

  private void append(Point point) {
    int last = points.size() - 1;
    if (last >= 0 && place(points.get(last)) == place(point)) {
      points.set(last, points.get(last).plus(point));
    } else {
      points.add(point);
    }
  }

  private long place(Point point) {
    return (point.step() - 1) / stride;
  }

  int size() {
    return points.size();
  }

  /** Those from a place on; the last one may still grow. */
  List<Point> from(int first) {
    return points.subList(first, points.size());
  }

  /** How many neighbouring steps a point holds. */
  long stride() {
    return stride;
  }
}
