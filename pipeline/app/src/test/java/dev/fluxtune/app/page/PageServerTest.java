package dev.fluxtune.app.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.fluxtune.app.watch.Sampled;
import dev.fluxtune.schemas.BadInputException;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.netty.http.client.HttpClient;
import reactor.test.StepVerifier;

class PageServerTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final History history = new History(Made.facts(Made.HOSTILE, Path.of("out")));
  private final PageServer server =
      new PageServer(history, () -> "steps 7\n", "127.0.0.1", 0, Duration.ofMillis(10));

  @AfterEach
  void end() {
    history.end("finished");
    server.close();
  }

  /** An answer, whole. */
  private record Answer(int status, HttpHeaders headers, String body) {}

  private Answer ask(HttpMethod method, String path, Consumer<HttpHeaders> headers) {
    return Objects.requireNonNull(
        HttpClient.create()
            .headers(headers)
            .request(method)
            .uri(server.address() + path)
            .responseSingle(
                (response, body) ->
                    body.asString()
                        .defaultIfEmpty("")
                        .map(
                            it ->
                                new Answer(
                                    response.status().code(), response.responseHeaders(), it)))
            .block(SOON));
  }

  private Answer get(String path) {
    return ask(HttpMethod.GET, path, headers -> {});
  }

  /** The news that a browser gets. */
  private Flux<JsonNode> events(String lastId) {
    return lines(lastId).filter(it -> it.startsWith("data: ")).map(it -> json(it.substring(6)));
  }

  private Flux<String> lines(String lastId) {
    StringBuilder rest = new StringBuilder();
    return HttpClient.create()
        .headers(it -> it.set("Last-Event-ID", lastId))
        .get()
        .uri(server.address() + "events")
        .responseContent()
        .asString(StandardCharsets.UTF_8)
        .concatMapIterable(
            text -> {
              rest.append(text);
              int end = rest.lastIndexOf("\n") + 1;
              List<String> lines = rest.substring(0, end).lines().toList();
              rest.delete(0, end);
              return lines;
            });
  }

  private static JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new AssertionError(text, e);
    }
  }

  @Test
  void servesThePageAndAllThatItNames() {
    Answer page = get("");
    assertThat(page.status()).isEqualTo(200);
    List<String> named =
        page.body()
            .lines()
            .filter(it -> it.matches(".*(?:src|href)=\"(?!data:|#).*"))
            .map(it -> it.replaceAll(".*(?:src|href)=\"([^\"]*)\".*", "$1"))
            .toList();
    assertThat(named).hasSize(5);
    for (String file : named) {
      Answer answer = get(file);
      assertThat(answer.status()).as(file).isEqualTo(200);
      assertThat(answer.body()).as(file).isNotBlank();
      assertThat(answer.headers().get("Content-Type"))
          .startsWith(file.endsWith("js") ? "text/javascript" : "text/css");
    }
  }

  @Test
  void letsABrowserLoadNothingFromElsewhereAndKeepNothing() {
    HttpHeaders headers = get("").headers();
    assertThat(headers.get("Content-Security-Policy"))
        .startsWith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
        .contains("frame-ancestors 'none'")
        .doesNotContain("unsafe", "*");
    assertThat(headers.get("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(headers.get("Cache-Control")).isEqualTo("no-store");
    assertThat(headers.get("Cross-Origin-Resource-Policy")).isEqualTo("same-origin");
    assertThat(headers.contains("Access-Control-Allow-Origin")).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "evil.example",
        "evil.example:6007",
        "127.0.0.1.evil.example",
        "localhost.evil",
        ""
      })
  void refusesNamesThatAStrangerMayHaveTurnedHere(String host) {
    for (String path : List.of("", "page.js", "events")) {
      Answer answer = ask(HttpMethod.GET, path, it -> it.set("Host", host));
      assertThat(answer.status()).isEqualTo(403);
      assertThat(answer.body()).doesNotContain("points", "alert");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"localhost:6007", "127.0.0.1", "[::1]:6007", "192.168.0.7:80"})
  void answersToAddressesAndItsOwnNames(String host) {
    assertThat(ask(HttpMethod.GET, "", it -> it.set("Host", host)).status()).isEqualTo(200);
  }

  @Test
  void givesPrometheusTheMeters() {
    Answer answer = get("metrics");
    assertThat(answer.body()).isEqualTo("steps 7\n");
    assertThat(answer.headers().get("Content-Type")).startsWith("text/plain; version=0.0.4");
  }

  @Test
  void canOnlyBeLookedAt() {
    assertThat(ask(HttpMethod.POST, "", headers -> {}).status()).isEqualTo(405);
    assertThat(ask(HttpMethod.DELETE, "events", headers -> {}).status()).isEqualTo(405);
    assertThat(get("../../etc/passwd").status()).isEqualTo(404);
    assertThat(get("index.htm").status()).isEqualTo(404);
  }

  @Test
  void aLateBrowserGetsTheWholeHistoryAndThenWhatIsNew() {
    for (long step = 1; step <= 500; step++) {
      history.step(Made.step(step, 1), 0);
    }
    StepVerifier.create(events("").filter(it -> !it.at("/points/items").isEmpty()))
        .assertNext(
            it -> {
              assertThat(it.at("/points/items")).hasSize(500);
              assertThat(it.at("/facts/name").asText()).isEqualTo(Made.HOSTILE);
            })
        .then(() -> history.step(Made.step(501, 1), 0))
        .thenConsumeWhile(it -> it.at("/status/step").asLong() < 501)
        .assertNext(
            it -> {
              assertThat(it.has("facts")).isFalse();
              assertThat(it.at("/points/from").asLong()).isEqualTo(499);
              assertThat(it.at("/points/items/1/0").asLong()).isEqualTo(501);
            })
        .thenCancel()
        .verify(SOON);
  }

  @Test
  void oneThatComesBackGoesOnWhereItWas() {
    for (long step = 1; step <= 50; step++) {
      history.step(Made.step(step, 1), 0);
    }
    String id =
        Objects.requireNonNull(lines("").filter(it -> it.startsWith("id: ")).blockFirst(SOON));
    history.step(Made.step(51, 1), 0);
    JsonNode next = Objects.requireNonNull(events(id.substring(4)).blockFirst(SOON));
    assertThat(next.has("facts")).isFalse();
    assertThat(next.at("/points/from").asLong()).isEqualTo(49);
    JsonNode other = Objects.requireNonNull(events("of another run").blockFirst(SOON));
    assertThat(other.at("/points/items")).hasSize(51);
  }

  @Test
  void theEndEndsTheStreamAndTheServer() {
    StepVerifier.create(events(""))
        .expectNextCount(1)
        .then(() -> history.end("finished"))
        .thenConsumeWhile(it -> !it.at("/status/state").asText().equals("finished"))
        .expectNextMatches(it -> it.at("/status/state").asText().equals("finished"))
        .expectComplete()
        .verify(SOON);
    server.close(); // which does not wait for it
    long until = System.nanoTime() + SOON.toNanos();
    assertThatThrownBy(
            () -> {
              while (System.nanoTime() < until) {
                get("");
              }
            })
        .hasRootCauseInstanceOf(IOException.class);
  }

  @Test
  void aBrowserThatStallsHoldsNoQueue() throws IOException, InterruptedException {
    URI at = URI.create(server.address());
    try (Socket stalled = new Socket()) {
      stalled.setReceiveBufferSize(16 << 10);
      stalled.connect(new InetSocketAddress(at.getHost(), at.getPort()));
      stalled
          .getOutputStream()
          .write(
              "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.UTF_8));
      String large = "x".repeat(16_000);
      for (long step = 1; step <= 150; step++) { // of 1.5 MB each, while it reads nothing
        history.step(Made.step(step, 1), 0);
        history.sampled(many(step, large));
        Thread.sleep(15);
      }
      history.end("finished");
      long read = 0;
      byte[] buffer = new byte[1 << 16];
      InputStream in = stalled.getInputStream();
      stalled.setSoTimeout(2000);
      try {
        for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
          read += n;
        }
      } catch (SocketTimeoutException e) {
        // All is read: the connection itself stays open.
      }
      // What it was sent before it stalled, what lies in the sockets, and the history as it is now.
      assertThat(read).isBetween(1L << 20, 64L << 20);
    }
  }

  private static Sampled many(long step, String text) {
    return new Sampled(
        step,
        0,
        "greedy",
        IntStream.range(0, 30)
            .mapToObj(row -> new Sampled.Text(row, text, text + row, text))
            .toList());
  }

  @Test
  void takesAnotherPortWhereItsOwnIsTaken() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        PageServer other =
            new PageServer(
                history, () -> "", "127.0.0.1", taken.getLocalPort(), Duration.ofMillis(10))) {
      assertThat(other.address()).doesNotContain(":" + taken.getLocalPort() + "/");
      history.end("finished");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"localhost", "127.0.0.1", "127.0.0.2"})
  void servesOnTheNamesOfThisMachine(String host) {
    try (PageServer named = new PageServer(history, () -> "", host, 0, Duration.ofMillis(10))) {
      assertThat(named.isLoopback()).isTrue();
      assertThat(named.address()).matches("http://(127\\.0\\.0\\.\\d|\\[.*]):\\d+/");
    }
  }

  @Test
  void saysWhetherOthersCanReachIt() {
    assertThat(server.isLoopback()).isTrue();
    try (PageServer open = new PageServer(history, () -> "", "0.0.0.0", 0, Duration.ofMillis(10))) {
      assertThat(open.isLoopback()).isFalse();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"192.0.2.1", "no.such.host.invalid", "not a host"})
  void refusesAnAddressThatIsNoneOfThisMachine(String host) {
    assertThatThrownBy(
            () -> new PageServer(history, () -> "", host, 6007, Duration.ofMillis(10)).close())
        .isInstanceOf(BadInputException.class)
        .hasMessageStartingWith("page_host: %s is no address of this machine".formatted(host));
  }
}
