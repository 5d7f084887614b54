package dev.fluxtune.app.page;

import dev.fluxtune.app.terminal.Visible;
import dev.fluxtune.app.watch.Meters;
import dev.fluxtune.app.watch.Observer;
import dev.fluxtune.app.watch.Sampled;
import dev.fluxtune.app.watch.WatchedRun;
import dev.fluxtune.schemas.BadInputException;
import dev.fluxtune.schemas.Batch;
import dev.fluxtune.schemas.Chunk;
import dev.fluxtune.schemas.Durable;
import dev.fluxtune.schemas.Reason;
import dev.fluxtune.schemas.RunConfig;
import dev.fluxtune.schemas.RunEvent;
import dev.fluxtune.trainer.checkpoint.TrainerState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Shows a run: in a browser while it goes, where that is wished, and in {@code report.html} in its
 * folder when it is over, however it ended.
 */
public final class Page implements Observer {
  /** What {@code report_to} calls it. */
  public static final String NAME = "page";

  static final String FILE = "report.html";

  /** Chunks that are shown. */
  private static final int CHUNKS = 4;

  private static final Path PROCESS = Path.of("/proc/self/status");
  private static final long SECOND = 1_000_000_000;

  private final History history;
  private final Path file;
  private final Optional<PageServer> server;
  private final Optional<Meters> meters; // where there is a server
  private final Optional<Function<int[], String>> decode;
  private final Queue<Chunk> waiting = new ConcurrentLinkedQueue<>();
  private int taken; // chunks, by the thread that reads
  private long hostBytes;
  private long looked = System.nanoTime() - SECOND;

  private Page(
      History history,
      Path file,
      Optional<PageServer> server,
      Optional<Meters> meters,
      Optional<Function<int[], String>> decode) {
    this.history = history;
    this.file = file;
    this.server = server;
    this.meters = meters;
    this.decode = decode;
  }

  /**
   * Begins to watch, and to serve where {@code report_to} says so.
   *
   * @param run knows what it logged before it was stopped, where this goes on with it
   * @param decode ids to text, where there is a tokenizer
   * @param told is told where the page is
   * @throws BadInputException if it cannot be served where it should be
   */
  public static Page open(
      RunFacts facts,
      WatchedRun run,
      Optional<Function<int[], String>> decode,
      RunConfig.Output wanted,
      Consumer<String> told) {
    History history = new History(facts);
    run.before().forEach(history::before);
    if (run.after() > 0) {
      LeftRun.samples(run.folder()).stream()
          .filter(it -> it.step() <= run.sampledUpTo())
          .forEach(history::sampled);
    }
    boolean served = wanted.reportTo().contains(NAME);
    Optional<Meters> meters = served ? Optional.of(new Meters()) : Optional.empty();
    Optional<PageServer> server =
        meters.map(it -> serve(history, it, wanted.pageHost(), wanted.pagePort()));
    server.ifPresent(
        it -> {
          told.accept("page: " + it.address());
          if (!it.isLoopback()) {
            told.accept(
                "warning: page_host: whoever reaches %s by the network sees rows, samples and settings of this run"
                    .formatted(wanted.pageHost()));
          }
        });
    return new Page(history, facts.folder().resolve(FILE), server, meters, decode);
  }

  /**
   * Looks whether it can be served where {@code page_host} says, if that is wished.
   *
   * @throws BadInputException if not
   */
  public static void check(RunConfig.Output wanted) {
    if (wanted.reportTo().contains(NAME)) {
      PageServer.check(wanted.pageHost());
    }
  }

  private static PageServer serve(History history, Meters meters, String host, int port) {
    try {
      return new PageServer(history, meters::scrape, host, port, PageServer.TICK);
    } catch (RuntimeException e) {
      meters.close();
      throw e;
    }
  }

  /** This, and its meters. */
  public List<Observer> observers() {
    return meters.map(it -> List.<Observer>of(this, it)).orElse(List.of(this));
  }

  /** The meters that are served beside it. */
  public Optional<Meters> meters() {
    return meters;
  }

  @Override
  public String name() {
    return server.isPresent() ? NAME : "report";
  }

  /** Takes the first chunks that are trained on, on any one thread; never waits. */
  public void reads(Batch batch) {
    for (int row = 0; row < batch.size() && taken < CHUNKS; row++, taken++) {
      waiting.add(batch.chunk(row));
    }
  }

  @Override
  public void happened(RunEvent event) {
    for (Chunk chunk = waiting.poll(); chunk != null; chunk = waiting.poll()) {
      history.chunk(ShownChunk.of(chunk, decode));
    }
    if (event instanceof RunEvent.Step it) {
      history.step(it, hostBytes());
    } else if (event instanceof RunEvent.Saved it) {
      history.saved(it);
    } else if (event instanceof RunEvent.End it) {
      history.end(it.stopped() ? "stopped" : "finished");
    }
  }

  @Override
  public void failed(String why) {
    history.failed(why);
  }

  @Override
  public void logged(TrainerState.Log log) {
    history.logged(log);
  }

  @Override
  public void sampled(Sampled sampled) {
    history.sampled(sampled);
  }

  /** Looked at once a second: what the process holds (Linux), else what the JVM does. */
  private long hostBytes() {
    long now = System.nanoTime();
    if (now - looked >= SECOND) {
      looked = now;
      hostBytes = resident();
    }
    return hostBytes;
  }

  private static long resident() {
    try {
      for (String line : Files.readAllLines(PROCESS)) {
        if (line.startsWith("VmRSS:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) << 10;
        }
      }
    } catch (IOException e) {
      // Another system: it has no such file.
    }
    return Runtime.getRuntime().totalMemory();
  }

  /**
   * Writes the report, and lets browsers know the end.
   *
   * @throws BadInputException if the report cannot be written
   */
  @Override
  public void close() {
    if (history.isRunning()) {
      history.end("failed"); // or its end would have been told
    }
    try {
      Durable.write(file, Report.html(List.of(history)));
    } catch (IOException e) {
      throw new BadInputException(
          "%s cannot be written (%s); one of what the run left: pipeline compare %s --output FILE"
              .formatted(file, Reason.of(e), Visible.inCommand(history.facts().folder())),
          e);
    } finally {
      server.ifPresent(PageServer::close);
    }
  }
}
