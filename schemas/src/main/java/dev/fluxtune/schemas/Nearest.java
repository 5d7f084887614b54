package dev.fluxtune.schemas;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Finds the known word that a misspelt one most likely meant. */
public final class Nearest {
  private Nearest() {}

  /** The nearest of {@code known}, unless even that is too far away to be meant. */
  public static Optional<String> to(String word, Collection<String> known) {
    String plain = plain(word);
    int limit = Math.max(1, plain.length() / 3);
    return known.stream()
        .min(Comparator.comparingInt(candidate -> distance(plain, candidate)))
        .filter(candidate -> distance(plain, candidate) <= limit);
  }

  /** {@code ; did you mean max_length?}, or nothing. */
  public static String hint(String word, Collection<String> known) {
    return to(word, known).map(it -> "; did you mean " + it + "?").orElse("");
  }

  private static String plain(String word) {
    return word.toLowerCase(Locale.ROOT).replace('-', '_');
  }

  /** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
  static int distance(String a, String b) {
    int[][] cost = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        if (i == 0 || j == 0) {
          cost[i][j] = i + j;
          continue;
        }
        int same = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        int least = Math.min(cost[i - 1][j], cost[i][j - 1]) + 1;
        least = Math.min(least, cost[i - 1][j - 1] + same);
        boolean swapped =
            i > 1
                && j > 1
                && a.charAt(i - 1) == b.charAt(j - 2)
                && a.charAt(i - 2) == b.charAt(j - 1);
        cost[i][j] = swapped ? Math.min(least, cost[i - 2][j - 2] + 1) : least;
      }
    }
    return cost[a.length()][b.length()];
  }
}
