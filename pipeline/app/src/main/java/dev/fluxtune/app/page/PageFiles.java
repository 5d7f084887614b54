package dev.fluxtune.app.page;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** What the page is made of: files inside the jars, never of the network. */
enum PageFiles {
  HTML("index.html", "text/html; charset=utf-8"),
  CSS("page.css", "text/css; charset=utf-8"),
  JS("page.js", "text/javascript; charset=utf-8"),
  CHARTS_JS("charts.js", "text/javascript; charset=utf-8"),
  UPLOT_CSS(PageFiles.UPLOT + "uPlot.min.css", "text/css; charset=utf-8"),
  UPLOT_JS(PageFiles.UPLOT + "uPlot.iife.min.js", "text/javascript; charset=utf-8");

  /** In the webjar of that version, which the pom names. */
  private static final String UPLOT = "/META-INF/resources/webjars/uplot/1.6.30/dist/";

  private final String resource;
  private final String type;

  PageFiles(String resource, String type) {
    this.resource = resource;
    this.type = type;
  }

  /** What index.html calls it. */
  String file() {
    return resource.substring(resource.lastIndexOf('/') + 1);
  }

  /** Its media type. */
  String type() {
    return type;
  }

  String text() {
    try (InputStream in = PageFiles.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException(resource + " is missing from the class path");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
