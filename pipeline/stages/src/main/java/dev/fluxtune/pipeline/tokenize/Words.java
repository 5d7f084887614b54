package dev.fluxtune.pipeline.tokenize;

/**
 * What the fast tokenizer has met so far, on all threads: whether its memory of words pays.
 *
 * @param all words of all texts
 * @param merged those of them whose tokens were not at hand
 */
public record Words(long all, long merged) {}
