package dev.fluxtune.app.page;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.fluxtune.schemas.Sha256;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;

/**
 * The page as one file that needs nothing else: its scripts and styles inside, what there is to
 * show as JSON.
 */
final class Report {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String DATA = "<script type=\"application/json\" id=\"data\">";

  private Report() {}

  /** Of one run, or of several to compare. */
  static byte[] html(List<History> runs) {
    ArrayNode all = JsonNodeFactory.instance.arrayNode();
    runs.forEach(it -> all.add(it.whole().json()));
    StringBuilder policy = new StringBuilder("default-src 'none'; base-uri 'none'; img-src data:");
    String page = PageFiles.HTML.text();
    for (PageFiles css : List.of(PageFiles.UPLOT_CSS, PageFiles.CSS)) {
      String link = "<link rel=\"stylesheet\" href=\"%s\">".formatted(css.file());
      page = inlined(page, link, "style", css.text());
    }
    policy.append("; style-src").append(hashes(PageFiles.UPLOT_CSS, PageFiles.CSS));
    for (PageFiles js : List.of(PageFiles.UPLOT_JS, PageFiles.CHARTS_JS, PageFiles.JS)) {
      String link = "<script src=\"%s\"></script>".formatted(js.file());
      page = inlined(page, link, "script", js.text());
    }
    policy
        .append("; script-src")
        .append(hashes(PageFiles.UPLOT_JS, PageFiles.CHARTS_JS, PageFiles.JS));
    String meta = "<meta http-equiv=\"Content-Security-Policy\" content=\"" + policy + "\">";
    page = replaced(page, "<meta charset=\"utf-8\">", "<meta charset=\"utf-8\">\n" + meta);
    return replaced(page, DATA, DATA + safe(all)).getBytes(StandardCharsets.UTF_8);
  }

  private static String inlined(String page, String link, String tag, String text) {
    return replaced(page, link, "<" + tag + ">" + text + "</" + tag + ">");
  }

  private static String replaced(String page, String part, String by) {
    if (!page.contains(part)) {
      throw new IllegalStateException("index.html has no " + part);
    }
    return page.replace(part, by);
  }

  /** Sources in the words of a Content-Security-Policy: these texts and no others. */
  private static String hashes(PageFiles... files) {
    StringBuilder hashes = new StringBuilder();
    for (PageFiles file : files) {
      byte[] digest = Sha256.digest().digest(file.text().getBytes(StandardCharsets.UTF_8));
      hashes.append(" 'sha256-").append(Base64.getEncoder().encodeToString(digest)).append("'");
    }
    return hashes.toString();
  }

  /** Without a character that could end the element that it stands in. */
  private static String safe(ArrayNode json) {
    try {
      return JSON.writeValueAsString(json).replace("<", "\\u003c");
    } catch (JsonProcessingException e) {
      throw new AssertionError("a tree of numbers and texts can be written", e);
    }
  }
}
