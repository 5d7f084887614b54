package dev.fluxtune.app.watch;

import java.util.List;

/**
 * What a model wrote after some held-out prompts.
 *
 * @param step the last before; 0 before the first
 * @param epoch epochs seen so far, fractions too
 * @param settings how the texts were made, for a person to read
 */
public record Sampled(long step, double epoch, String settings, List<Text> texts) {
  /** Characters of a text that are kept at most. */
  static final int LONGEST = 16_384;

  /**
   * One prompt. Of texts longer than {@value #LONGEST} characters the middle is left out.
   *
   * @param row its number among the rows to evaluate on, from 1; those without a prompt or an
   *     answer count too
   * @param reference what the row says should follow
   */
  public record Text(long row, String prompt, String generation, String reference) {
    public Text {
      prompt = cut(prompt);
      generation = cut(generation);
      reference = cut(reference);
    }
  }

  public Sampled {
    texts = List.copyOf(texts);
  }

  private static String cut(String text) {
    if (text.length() <= LONGEST) {
      return text;
    }
    int end = LONGEST / 2 - 50; // room for what says so
    int start = text.length() - end;
    end -= Character.isHighSurrogate(text.charAt(end - 1)) ? 1 : 0;
    start += Character.isLowSurrogate(text.charAt(start)) ? 1 : 0;
    return "%s … (%,d characters) … %s"
        .formatted(text.substring(0, end), start - end, text.substring(start));
  }

  /** What it takes in memory, about. */
  long bytes() {
    long characters = 0;
    for (Text it : texts) {
      characters += it.prompt().length() + it.generation().length() + it.reference().length();
    }
    return 2 * characters + 256L * texts.size();
  }
}
