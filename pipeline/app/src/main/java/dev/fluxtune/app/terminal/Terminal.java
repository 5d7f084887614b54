package dev.fluxtune.app.terminal;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.util.Map;
import java.util.Optional;

/**
 * The two output streams and what they can show. Results go to {@code out}; summaries, progress and
 * problems to {@code err}.
 *
 * @param outIsTerminal whether a person sees {@code out}
 * @param errIsTerminal whether a person sees {@code err}
 * @param colour whether escape sequences are wanted on a stream that is a terminal
 * @param columns width of the terminal
 */
public record Terminal(
    PrintStream out,
    PrintStream err,
    boolean outIsTerminal,
    boolean errIsTerminal,
    boolean colour,
    int columns) {

  private static final int USUAL_COLUMNS = 80;

  /**
   * The process's own streams, as UTF-8. The launcher says by {@code fluxtune.terminal} which of
   * them are terminals ({@code out}, {@code err}) and by {@code fluxtune.columns} how wide: on JDK
   * 17 to 25 no one call of Java tells.
   */
  public static Terminal ofProcess() {
    // A dumb terminal shows control characters as they are: it gets what a pipe gets.
    String terminals =
        "dumb".equals(System.getenv("TERM")) ? "" : System.getProperty("fluxtune.terminal", "");
    return new Terminal(
        stream(FileDescriptor.out),
        stream(FileDescriptor.err),
        terminals.contains("out"),
        terminals.contains("err"),
        wantsColour(System.getenv()),
        columns(System.getProperty("fluxtune.columns", "")));
  }

  /** Output for a program: no terminal, no colour. */
  public static Terminal plain(PrintStream out, PrintStream err) {
    return new Terminal(out, err, false, false, false, USUAL_COLUMNS);
  }

  /** Why the output is not whole; empty where it is, or where its reader wanted no more of it. */
  public Optional<String> outFailure() {
    if (out instanceof Output it) {
      return it.failure();
    }
    return out.checkError() ? Optional.of("it could not be written") : Optional.empty();
  }

  /** Tells a person something that need not be wrong; what stands in it acts on no terminal. */
  public void note(String text) {
    err.println("note: " + Visible.message(text));
  }

  /** Whether {@code out} shows colours. */
  public boolean colourOut() {
    return colour && outIsTerminal;
  }

  /** Whether {@code err} shows colours. */
  public boolean colourErr() {
    return colour && errIsTerminal;
  }

  /** See no-color.org. */
  static boolean wantsColour(Map<String, String> environment) {
    return environment.getOrDefault("NO_COLOR", "").isEmpty();
  }

  private static int columns(String said) {
    return said.matches("[1-9]\\d{0,3}") ? Integer.parseInt(said) : USUAL_COLUMNS;
  }

  private static PrintStream stream(FileDescriptor of) {
    return new Output(new FileOutputStream(of));
  }
}
