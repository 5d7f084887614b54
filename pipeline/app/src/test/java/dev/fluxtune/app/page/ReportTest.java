package dev.fluxtune.app.page;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ReportTest {
  private static final Pattern DATA =
      Pattern.compile("<script type=\"application/json\" id=\"data\">([^<]*)</script>");

  private static String report(History... runs) {
    return new String(Report.html(List.of(runs)), StandardCharsets.UTF_8);
  }

  private static History hostile() {
    History history = new History(Made.facts(Made.HOSTILE, Path.of("out")));
    history.step(Made.step(1, 2), 0);
    history.sampled(Made.sampled(1, Made.HOSTILE));
    history.chunk(
        new ShownChunk(
            1,
            1,
            List.of(new ShownChunk.Document(1, 1, List.of(new ShownChunk.Run(Made.HOSTILE, true)))),
            0));
    history.end("finished");
    return history;
  }

  @Test
  void holdsWhatThereIsToShow() throws IOException {
    Matcher data = DATA.matcher(report(hostile(), hostile()));
    assertThat(data.find()).isTrue();
    JsonNode runs = new ObjectMapper().readTree(data.group(1));
    assertThat(runs).hasSize(2);
    assertThat(runs.at("/0/facts/name").asText()).isEqualTo(Made.HOSTILE);
    assertThat(runs.at("/0/sampled/items/0/texts/0/prompt").asText()).isEqualTo(Made.HOSTILE);
    assertThat(runs.at("/0/status/state").asText()).isEqualTo("finished");
  }

  @Test
  void hostileTextEndsNoElementAndBeginsNone() {
    String report = report(hostile());
    assertThat(report).doesNotContain("<script>alert", "<img", "\u001b");
    // Its own elements and no others: three scripts and the data, two sheets.
    assertThat(report.split("<script", -1)).hasSize(1 + 4);
    assertThat(report.split("</script", -1)).hasSize(1 + 4);
    assertThat(report.split("<style", -1)).hasSize(1 + 2);
  }

  @Test
  void allowsItsOwnScriptsAndStylesAndNothingElse() throws NoSuchAlgorithmException {
    String report = report(hostile());
    Matcher policy = Pattern.compile("Security-Policy\" content=\"([^\"]*)\"").matcher(report);
    assertThat(policy.find()).isTrue();
    assertThat(policy.group(1)).startsWith("default-src 'none'").doesNotContain("unsafe", "http");
    Matcher inside = Pattern.compile("<(script|style)>(.*?)</\\1>", Pattern.DOTALL).matcher(report);
    int found = 0;
    while (inside.find()) {
      byte[] digest =
          MessageDigest.getInstance("SHA-256")
              .digest(inside.group(2).getBytes(StandardCharsets.UTF_8));
      assertThat(policy.group(1))
          .contains("'sha256-" + Base64.getEncoder().encodeToString(digest) + "'");
      found++;
    }
    assertThat(found).isEqualTo(5);
  }

  @Test
  void needsNoOtherFile() {
    String page = report(hostile()).replaceAll("(?s)<script\\b.*?</script>", "");
    assertThat(page).doesNotContain(" src=").doesNotContainPattern("href=\"(?!data:|#)");
  }
}
