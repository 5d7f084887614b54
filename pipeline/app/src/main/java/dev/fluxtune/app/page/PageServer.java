package dev.fluxtune.app.page;

import dev.fluxtune.app.watch.WatchedRun;
import dev.fluxtune.schemas.BadInputException;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.ChannelBindException;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServer;
import reactor.netty.http.server.HttpServerRequest;
import reactor.netty.http.server.HttpServerResponse;
import reactor.netty.resources.LoopResources;

/**
 * Serves the page of a run and, by server-sent events, what happens in it. A browser that reads
 * slowly has no queue here: it gets what is new when it has taken what it was sent. Close it.
 */
final class PageServer implements AutoCloseable {
  /** Ports that are tried after the one that is wished. */
  private static final int NEXT_PORTS = 10;

  /** How often a browser is told what is new. */
  static final Duration TICK = Duration.ofSeconds(1);

  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
          + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private static final Map<String, PageFiles> FILES =
      Stream.of(PageFiles.values())
          .collect(Collectors.toMap(it -> "/" + it.file(), Function.identity()));

  private final History history;
  private final Supplier<String> meters;
  private final String host;
  private final Duration tick;
  private final LoopResources threads = LoopResources.create("page", 1, true);
  private final AtomicInteger watching = new AtomicInteger();
  private final InetAddress at;
  private final List<String> names; // that it answers to, beside addresses
  private final DisposableServer server;

  /**
   * Begins to serve.
   *
   * @param meters as Prometheus reads them
   * @param host an address of this machine, or a name of one
   * @param port the first that is tried; 0: any that is free
   * @param tick how often a browser is told what is new
   * @throws BadInputException if it cannot listen there
   */
  PageServer(History history, Supplier<String> meters, String host, int port, Duration tick) {
    this.history = history;
    this.meters = meters;
    this.host = host;
    this.tick = tick;
    try {
      this.at = address(host);
      this.names = List.of(isLoopback() ? "localhost" : WatchedRun.host(), host);
      this.server = bind(port); // last: from here on it is asked, by threads of its own
    } catch (RuntimeException e) {
      threads.dispose();
      throw e;
    }
  }

  private DisposableServer bind(int wished) {
    for (int port = wished; wished > 0 && port < wished + NEXT_PORTS && port < 65_536; port++) {
      try {
        return bindTo(port);
      } catch (ChannelBindException e) {
        // Another run's page, most likely: the next one is tried.
      }
    }
    try {
      return bindTo(0);
    } catch (ChannelBindException e) {
      throw refused(host, Objects.requireNonNullElse(e.getCause(), e));
    }
  }

  /**
   * Looks whether one could listen there.
   *
   * @throws BadInputException if not
   */
  static void check(String host) {
    try (ServerSocket there = new ServerSocket()) {
      there.bind(new InetSocketAddress(host, 0));
    } catch (IOException e) {
      throw refused(host, e);
    }
  }

  private static InetAddress address(String host) {
    try {
      return InetAddress.getByName(host);
    } catch (UnknownHostException e) {
      throw refused(host, e);
    }
  }

  private static BadInputException refused(String host, Throwable e) {
    return new BadInputException(
        "page_host: %s is no address of this machine that can be listened on (%s); 127.0.0.1 always is"
            .formatted(host, e.getMessage()),
        e);
  }

  private DisposableServer bindTo(int port) {
    return HttpServer.create()
        .runOn(threads)
        .bindAddress(() -> new InetSocketAddress(at, port))
        .handle(this::answer)
        .bindNow(Duration.ofSeconds(10));
  }

  /** Where a browser finds it. */
  String address() {
    InetSocketAddress at = (InetSocketAddress) server.address();
    InetAddress address = at.getAddress();
    String name = address.isAnyLocalAddress() ? WatchedRun.host() : address.getHostAddress();
    return "http://%s:%d/".formatted(name.contains(":") ? "[" + name + "]" : name, at.getPort());
  }

  /** Whether only this machine can reach it. */
  boolean isLoopback() {
    return at.isLoopbackAddress();
  }

  private Publisher<Void> answer(HttpServerRequest request, HttpServerResponse response) {
    response
        .header(HttpHeaderNames.CACHE_CONTROL, "no-store")
        .header(HttpHeaderNames.CONTENT_SECURITY_POLICY, POLICY)
        .header("X-Content-Type-Options", "nosniff")
        .header("Referrer-Policy", "no-referrer")
        .header("Cross-Origin-Resource-Policy", "same-origin");
    String asked = Optional.ofNullable(request.requestHeaders().get("Host")).orElse("");
    if (!isOwnName(asked)) {
      return told(response, 403, "this page is there under its address and localhost alone");
    }
    if (!request.method().equals(HttpMethod.GET)) {
      return told(response, 405, "there is nothing to do here but to look");
    }
    String path = "/" + request.path();
    if (path.equals("/events")) {
      return events(request, response);
    }
    if (path.equals("/metrics")) {
      return response
          .header(HttpHeaderNames.CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")
          .sendString(Mono.fromSupplier(meters));
    }
    PageFiles file = path.equals("/") ? PageFiles.HTML : FILES.get(path);
    return file == null
        ? told(response, 404, "there is no such page")
        : response
            .header(HttpHeaderNames.CONTENT_TYPE, file.type())
            .sendString(Mono.just(file.text()));
  }

  private static Publisher<Void> told(HttpServerResponse response, int status, String text) {
    return response
        .status(status)
        .header(HttpHeaderNames.CONTENT_TYPE, "text/plain; charset=utf-8")
        .sendString(Mono.just(text + "\n"));
  }

  /**
   * Whether a request's Host is a name that no stranger's name server can turn to this machine (DNS
   * rebinding): an address, what it was told to listen on, localhost or, where others can reach it,
   * this machine's own name.
   */
  private boolean isOwnName(String asked) {
    String name = asked.replaceFirst(":\\d{1,5}$", "");
    boolean address = name.matches("\\[[0-9a-fA-F:.]+]|\\d{1,3}(\\.\\d{1,3}){3}");
    return address || names.stream().anyMatch(name::equalsIgnoreCase);
  }

  private Publisher<Void> events(HttpServerRequest request, HttpServerResponse response) {
    Cursor had =
        Optional.ofNullable(request.requestHeaders().get("Last-Event-ID"))
            .flatMap(Cursor::parse)
            .orElse(Cursor.none(0, 0));
    AtomicReference<Channel> channel = new AtomicReference<>();
    response.withConnection(it -> channel.set(it.channel()));
    Flux<String> news =
        Flux.interval(tick)
            .onBackpressureDrop()
            .filter(now -> Objects.requireNonNull(channel.get()).isWritable())
            .scanWith(() -> history.since(had), (last, now) -> history.since(last.cursor()))
            .takeUntil(History.News::over)
            .map(it -> "id: %s\ndata: %s\n\n".formatted(it.cursor().id(), it.json()))
            .doOnSubscribe(it -> watching.incrementAndGet())
            .doFinally(it -> watching.decrementAndGet());
    return response.sse().sendString(news);
  }

  /** Waits a moment until browsers have the end, and serves no more. */
  @Override
  public void close() {
    long end = System.nanoTime() + PATIENCE.toNanos();
    try {
      while (watching.get() > 0 && System.nanoTime() < end) {
        Thread.sleep(20);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    server.dispose(); // waiting for that is not for an observer's thread
    threads.dispose();
  }
}
