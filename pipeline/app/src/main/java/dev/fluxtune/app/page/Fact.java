package dev.fluxtune.app.page;

/**
 * A line of a table that a person reads.
 *
 * @param note what else there is to say; may be empty
 */
public record Fact(String name, String value, String note) {}
