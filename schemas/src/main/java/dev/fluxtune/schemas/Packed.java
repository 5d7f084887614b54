package dev.fluxtune.schemas;

/**
 * A chunk, and the place where the next one begins.
 *
 * @param chunk the chunk
 * @param next where to go on after it
 */
public record Packed(Chunk chunk, Position next) {}
