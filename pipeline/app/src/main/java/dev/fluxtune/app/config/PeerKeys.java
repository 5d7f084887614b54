package dev.fluxtune.app.config;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The keys of the Python peer's command line that are not ours; the table is peer-keys.txt. */
final class PeerKeys {
  enum Kind {
    RENAMED,
    ACCEPTED,
    REFUSED
  }

  /**
   * One of them.
   *
   * @param unset values that ask for nothing: of them nothing is said
   * @param advice the new name of a renamed one, what to do about a refused one, else empty
   */
  record Peer(Kind kind, List<String> unset, String advice) {}

  private static final Map<String, Peer> PEERS = read();

  private PeerKeys() {}

  static Optional<Peer> named(String name) {
    return Optional.ofNullable(PEERS.get(name));
  }

  static Set<String> names() {
    return PEERS.keySet();
  }

  private static Map<String, Peer> read() {
    try (InputStream in = PeerKeys.class.getResourceAsStream("peer-keys.txt")) {
      if (in == null) {
        throw new IllegalStateException("peer-keys.txt is missing from the class path");
      }
      Map<String, Peer> peers = new LinkedHashMap<>();
      new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .map(line -> line.split(" {2,}", -1))
          .forEach(
              columns -> {
                if (peers.put(columns[1], peer(columns)) != null) {
                  throw new IllegalStateException("peer-keys.txt has " + columns[1] + " twice");
                }
              });
      return peers;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Peer peer(String[] columns) {
    return switch (columns[0]) {
      case "renamed" ->
          new Peer(Kind.RENAMED, columns.length > 3 ? values(columns[3]) : List.of(), columns[2]);
      case "accepted" -> new Peer(Kind.ACCEPTED, values(columns[2]), "");
      case "refused" -> new Peer(Kind.REFUSED, values(columns[2]), columns[3]);
      default -> throw new IllegalStateException("peer-keys.txt: " + String.join(" ", columns));
    };
  }

  private static List<String> values(String column) {
    return Arrays.asList(column.split("\\|", -1));
  }
}
