package dev.fluxtune.app;

import dev.fluxtune.app.page.Fact;
import dev.fluxtune.app.terminal.Visible;
import dev.fluxtune.schemas.Ledger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A summary for people: a name, a number and a note in each line. */
final class Table {
  private final List<Fact> facts = new ArrayList<>();

  Table line(String name, long value, String note) {
    return line(name, String.format(Locale.ROOT, "%,d", value), note);
  }

  Table line(String name, String value, String note) {
    facts.add(new Fact(name, value, note));
    return this;
  }

  /** The lines of another. */
  Table lines(Table other) {
    facts.addAll(other.facts);
    return this;
  }

  /** Where every token went; lines without a token are left out, but for the first three. */
  Table ledger(Ledger ledger) {
    line("documents", ledger.documents(), "");
    line("tokens", ledger.tokens(), "");
    line("  trained", ledger.trained(), share(ledger.trained(), ledger));
    line("  masked", ledger.masked(), share(ledger.masked(), ledger));
    optional("  truncated", ledger.truncated(), ledger, "beyond max_length");
    optional(
        "  without target",
        ledger.untrained(),
        ledger,
        String.format(Locale.ROOT, "%,d documents dropped", ledger.untrainedDocuments()));
    optional("  tail", ledger.tail(), ledger, "in no chunk (tail: drop)");
    return this;
  }

  private void optional(String name, long value, Ledger ledger, String note) {
    if (value > 0) {
      line(name, value, share(value, ledger) + ", " + note);
    }
  }

  private static String share(long value, Ledger ledger) {
    return String.format(Locale.ROOT, "%.1f %%", 100.0 * value / Math.max(1, ledger.tokens()));
  }

  /** Its lines. */
  List<Fact> facts() {
    return List.copyOf(facts);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    facts.forEach(
        it ->
            text.append(
                    Visible.of(
                        String.format(
                                Locale.ROOT, "  %-24s %14s  %s", it.name(), it.value(), it.note())
                            .stripTrailing()))
                .append('\n'));
    return text.toString();
  }
}
