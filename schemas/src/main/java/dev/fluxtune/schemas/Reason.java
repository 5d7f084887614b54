package dev.fluxtune.schemas;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Objects;

/** Why a file could not be read or written, in words that need no Java. */
public final class Reason {
  private Reason() {}

  /** A few words, without the name of the file. */
  public static String of(Exception thrown) {
    Exception failure =
        thrown instanceof UncheckedIOException it
            ? Objects.requireNonNullElse(it.getCause(), thrown)
            : thrown;
    if (failure instanceof JsonProcessingException it) {
      return json(it);
    }
    if (failure instanceof NoSuchFileException) {
      return "there is no such file";
    }
    if (failure instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (failure instanceof FileAlreadyExistsException) {
      return "a file stands where a folder should be";
    }
    if (failure instanceof NotDirectoryException) {
      return "it is no folder";
    }
    if (failure instanceof DirectoryNotEmptyException) {
      return "a folder stands in its place";
    }
    if (failure instanceof FileSystemLoopException) {
      return "its links lead back to themselves";
    }
    if (failure instanceof CharacterCodingException) {
      return "it is not UTF-8";
    }
    if (failure instanceof FileSystemException it && it.getReason() != null) {
      return it.getReason();
    }
    String message = failure.getMessage();
    return message == null || message.isBlank() ? "it could not be read or written" : message;
  }

  private static String json(JsonProcessingException failure) {
    JsonLocation at = failure.getLocation();
    return at == null || at.getLineNr() < 1
        ? ofJson(failure)
        : "%s, in line %d, character %d"
            .formatted(ofJson(failure), at.getLineNr(), at.getColumnNr());
  }

  /** What is wrong with a JSON text, without where, and without the parser's talk of its source. */
  public static String ofJson(JsonProcessingException failure) {
    return failure instanceof StreamConstraintsException
        ? "it is nested too deep, or a name or number of it is too long"
        : failure.getOriginalMessage().replaceAll("\\s*\\(start marker at .*\\)", "");
  }
}
