package dev.fluxtune.app.terminal;

import dev.fluxtune.schemas.Reason;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A stream of text, as UTF-8, that remembers why it could not be written. */
final class Output extends PrintStream {
  private final Watched bytes;

  Output(OutputStream to) {
    this(new Watched(to));
  }

  private Output(Watched bytes) {
    super(bytes, true, StandardCharsets.UTF_8);
    this.bytes = bytes;
  }

  /** Empty where all was written, and where nobody wants the rest: {@code | head}. */
  Optional<String> failure() {
    checkError();
    return Optional.ofNullable(bytes.first)
        .map(Reason::of)
        .filter(reason -> !reason.contains("Broken pipe"));
  }

  /** {@link PrintStream} keeps of a failure only that there was one. */
  private static final class Watched extends FilterOutputStream {
    private volatile @Nullable IOException first;

    Watched(OutputStream to) {
      super(to);
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] from, int start, int length) throws IOException {
      try {
        out.write(from, start, length);
      } catch (IOException e) {
        first = first == null ? e : first;
        throw e;
      }
    }
  }
}
