package dev.fluxtune.app.command;

import java.util.OptionalDouble;

/**
 * What the flags of {@code plan} ask for.
 *
 * @param json whether the plan is for a program
 * @param memoryTable whether the memory of other ways to train is to be compared
 * @param deviceMemoryGib of the device that is planned for; empty: of that which is found
 */
public record Planning(boolean json, boolean memoryTable, OptionalDouble deviceMemoryGib) {}
