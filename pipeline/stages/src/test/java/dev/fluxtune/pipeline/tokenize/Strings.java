package dev.fluxtune.pipeline.tokenize;

import java.util.List;
import java.util.Random;

/** Texts that a tokenizer may stumble over, by a seed. */
final class Strings {
  private static final List<String> PIECES =
      List.of(
          " ",
          "  ",
          "   \t",
          "\n",
          "\r\n",
          "\n\n\n",
          "\u00A0",
          "\u2003",
          "\u0085",
          "\u200B",
          "'s",
          "'S",
          "'LL",
          "'re",
          "'ve ",
          "'",
          "''",
          "don't",
          "\u017F",
          "'\u017F",
          "'\uFB06",
          "the ",
          "Hello",
          "WORLD",
          "tokenization",
          "antidisestablishmentarianism",
          "aaaaaaaaaaaaa",
          "1",
          "12",
          "123",
          "1234567",
          "\u0663\u0664",
          "\u00BD",
          "\u2167",
          "3.14",
          "1,000",
          "\u00E9",
          "e\u0301",
          "\u00DF",
          "\u0130",
          "\u01C5",
          "na\u00EFve",
          "\uFB01",
          "\u65E5\u672C\u8A9E",
          "\u4F60\u597D",
          "\uD55C\uAD6D\uC5B4",
          "\u0441\u043B\u043E\u0432\u043E",
          "\u05E9\u05DC\u05D5\u05DD",
          "\u0645\u0631\u062D\u0628\u0627",
          "\u0E2A\u0E27\u0E31\u0E2A",
          "\uD83D\uDE00",
          "\uD83D\uDC69\u200D\uD83D\uDC69\u200D\uD83D\uDC67",
          "\uD83C\uDDE9\uD83C\uDDEA",
          "\uD834\uDD1E",
          "\uD800\uDC00",
          "\uDBFF\uDFFF",
          "\uD800",
          "\uDC00",
          "\u0000",
          "\u0007",
          "\u001B[0m",
          "\uFFFD",
          "\uFEFF",
          "\uFFFF",
          "\u0378",
          "\u2581",
          " \u2581",
          "\u2581\u2581a",
          "<",
          "</s>",
          "<s>",
          "<unk>",
          "<0x0A>",
          "<|",
          "|>",
          "<|end_of_text|>",
          "<|begin_of_text|>",
          "<|endoftext|>",
          "<|im_start|>",
          "{",
          "}",
          "();",
          "==",
          "!=",
          "://",
          "...",
          "\u2026",
          "\u201C",
          "\u2014",
          "#",
          "\\",
          "/*",
          "$",
          "\u20AC",
          "+",
          "\u00D7",
          "_",
          "__init__",
          "camelCase",
          "x".repeat(70),
          "ab".repeat(90));

  private Strings() {}

  static String next(Random random) {
    StringBuilder text = new StringBuilder();
    for (int count = random.nextInt(1 + random.nextInt(24)); count >= 0; count--) {
      switch (random.nextInt(12)) {
        case 0 -> text.appendCodePoint(random.nextInt(0x110000));
        case 1 -> text.appendCodePoint(random.nextInt(0x3000));
        case 2 -> text.append((char) random.nextInt(0x80));
        default -> text.append(PIECES.get(random.nextInt(PIECES.size())));
      }
    }
    return text.toString();
  }
}
