package dev.fluxtune.app;

import dev.fluxtune.app.terminal.Terminal;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Whether the user has asked the process to end (Ctrl-C, SIGTERM). It then ends at once, or, while
 * steps are made, when this is closed: what it writes until then is written whole.
 */
final class Interrupt implements BooleanSupplier, AutoCloseable {
  private final CountDownLatch over = new CountDownLatch(1);
  private final Terminal terminal;
  private final Thread hook = new Thread(this::asked, "interrupt");
  private volatile boolean asked;
  private volatile boolean steps;

  private Interrupt(Terminal terminal) {
    this.terminal = terminal;
  }

  static Interrupt watch(Terminal terminal) {
    Interrupt interrupt = new Interrupt(terminal);
    Runtime.getRuntime().addShutdownHook(interrupt.hook);
    return interrupt;
  }

  /** Does what may end at any moment and be begun again. */
  static <T> T during(Terminal terminal, Supplier<T> work) {
    Interrupt interrupt = watch(terminal);
    try {
      return work.get();
    } finally {
      interrupt.close();
    }
  }

  /** From now on what is under way is finished. */
  void stepsBegin() {
    steps = true;
  }

  private void asked() {
    asked = true;
    if (!steps) {
      terminal.err().println("\nstopped; nothing is lost: the same command goes on");
      return;
    }
    terminal.err().println("\ninterrupted: finishing the step and writing a checkpoint");
    boolean waiting = true;
    while (waiting) {
      try {
        over.await();
        waiting = false;
      } catch (InterruptedException e) {
        // The process may not end before: go on waiting.
      }
    }
  }

  @Override
  public boolean getAsBoolean() {
    return asked;
  }

  @Override
  public void close() {
    over.countDown();
    if (!asked) {
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        // The process is ending; the hook waits for nothing any more.
      }
    }
  }
}
