package dev.fluxtune.app.command;

import java.util.LinkedHashMap;
import java.util.Map;

/** What the process ends with; {@code --help} tells them. */
final class ExitCode {
  static final int OK = 0;
  static final int BAD_INPUT = 1;
  static final int USAGE = 2;
  static final int BUG = 3;

  static final Map<String, String> HELP = help();

  private ExitCode() {}

  private static Map<String, String> help() {
    Map<String, String> codes = new LinkedHashMap<>();
    codes.put("0", "done");
    codes.put("1", "rows, a tokenizer or a folder cannot be used; the message says which and why");
    codes.put("2", "the command line or the configuration is wrong; all problems are listed");
    codes.put("3", "a failure inside pipeline; --stacktrace shows where");
    codes.put("130", "interrupted (Ctrl-C)");
    return codes;
  }
}
