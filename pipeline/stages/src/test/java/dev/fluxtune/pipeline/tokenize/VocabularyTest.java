package dev.fluxtune.pipeline.tokenize;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VocabularyTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path MADE =
      Path.of(System.getProperty("fluxtune.home"), "pipeline/stages/src/test/resources/tokenizers");

  @TempDir Path folder;

  /** Each changes one field of a file that is understood, or sets one that it lacks. */
  @ParameterizedTest(name = "{0} {1} = {2}")
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "llama3; /model; type; \"Unigram\"; its model is Unigram",
        "llama3; /model; dropout; 0.1; dropout",
        "llama3; /model; continuing_subword_prefix; \"##\"; continuing_subword_prefix",
        "llama3; /model; merges; [[\"a\", \"no token\"]]; not in the vocabulary: no token",
        "llama3; /model/vocab; Ā; null; not in the vocabulary: Ā",
        "llama3; ; normalizer; {\"type\": \"Lowercase\"}; its normalizer is",
        "llama3; /pre_tokenizer/pretokenizers/0; behavior; \"Removed\"; its pre-tokenizer is",
        "llama3; /pre_tokenizer/pretokenizers/0; invert; true; its pre-tokenizer is",
        "llama3; /pre_tokenizer/pretokenizers/0/pattern; Regex; \".\"; its pattern is .",
        "llama3; /pre_tokenizer/pretokenizers/1; add_prefix_space; true; adds a space",
        "llama3; /post_processor/processors/0; trim_offsets; true; trims places",
        "llama3; ; post_processor; {\"type\": \"BertProcessing\"}; BertProcessing",
        "llama3; /added_tokens/0; lstrip; true; lstrip",
        "llama3; /added_tokens/0; single_word; true; single_word",
        "llama2; /model; byte_fallback; false; no byte fallback",
        "llama2; /model; ignore_merges; true; ignores merges",
        "llama2; /model/vocab; a▁b; 956; spans two words: a▁b",
        "llama2; /pre_tokenizer; split; true; its pre-tokenizer is",
        "llama2; /pre_tokenizer; replacement; \"_\"; its pre-tokenizer is",
        "llama2; /pre_tokenizer; prepend_scheme; \"sometimes\"; sometimes",
        "llama2; ; normalizer; {\"type\": \"NFC\"}; replaced twice",
        "tinyllama; /added_tokens/0; normalized; true; is normalized",
        "tinyllama; /normalizer/normalizers/0; prepend; \"_\"; its normalizer is",
      })
  void refusesWhatItDoesNotKnow(String shape, String at, String name, String value, String reason)
      throws Exception {
    ObjectNode file =
        (ObjectNode) JSON.readTree(MADE.resolve(shape).resolve("tokenizer.json").toFile());
    ObjectNode changed = at == null ? file : (ObjectNode) file.at(at);
    if (value.equals("null")) {
      changed.remove(name);
    } else {
      changed.set(name, JSON.readTree(value));
    }
    Path json = Files.writeString(folder.resolve("tokenizer.json"), file.toString());

    assertThatThrownBy(() -> Vocabulary.read(json))
        .isInstanceOf(Vocabulary.NotUnderstoodException.class)
        .hasMessageContaining(reason);
  }
}
