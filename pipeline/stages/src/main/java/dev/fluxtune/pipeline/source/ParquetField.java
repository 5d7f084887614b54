package dev.fluxtune.pipeline.source;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.ColumnReader;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.EnumLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.IntLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.JsonLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.ListLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.StringLogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;

/** A kept column of a Parquet file: how its cells are read. */
final class ParquetField {
  private enum Reads {
    TEXT,
    INTS,
    /** One value of another type: only whether there is one. */
    PRESENCE,
    /** Nested values: nothing. */
    NOTHING
  }

  private final int column;
  private final Reads reads;
  private final List<ColumnDescriptor> leaves;

  private final boolean unsigned;

  /** Where a list has an element, the definition level is this or more; one less: it is empty. */
  private final int elementLevel;

  /** The type, for messages. */
  private final String found;

  ParquetField(MessageType schema, Type field, int column) {
    this.column = column;
    this.leaves =
        schema.getColumns().stream().filter(c -> c.getPath()[0].equals(field.getName())).toList();
    this.reads = reads(field);
    this.unsigned = reads == Reads.INTS && isUnsigned();
    this.elementLevel = reads == Reads.INTS ? elementLevel(schema, leaves.get(0)) : 0;
    this.found = "of type " + describe(field);
  }

  private Reads reads(Type field) {
    if (field.isPrimitive() && !field.isRepetition(Type.Repetition.REPEATED)) {
      return isText(field) ? Reads.TEXT : Reads.PRESENCE;
    }
    boolean list =
        field.isPrimitive()
            || field.getLogicalTypeAnnotation() instanceof ListLogicalTypeAnnotation;
    // A list of lists or of structs has a longer path, or repeats twice.
    return list
            && leaves.size() == 1
            && leaves.get(0).getMaxRepetitionLevel() == 1
            && leaves.get(0).getPath().length <= 3
            && isInts(leaves.get(0).getPrimitiveType())
        ? Reads.INTS
        : Reads.NOTHING;
  }

  private static boolean isText(Type field) {
    LogicalTypeAnnotation logical = field.getLogicalTypeAnnotation();
    return logical instanceof StringLogicalTypeAnnotation
        || logical instanceof EnumLogicalTypeAnnotation
        || logical instanceof JsonLogicalTypeAnnotation;
  }

  private static boolean isInts(PrimitiveType type) {
    return switch (type.getPrimitiveTypeName()) {
      case BOOLEAN -> true;
      case INT32, INT64 ->
          type.getLogicalTypeAnnotation() == null
              || type.getLogicalTypeAnnotation() instanceof IntLogicalTypeAnnotation;
      default -> false;
    };
  }

  private static int elementLevel(MessageType schema, ColumnDescriptor leaf) {
    String[] path = leaf.getPath();
    for (int length = 1; length <= path.length; length++) {
      String[] upTo = Arrays.copyOf(path, length);
      if (schema.getMaxRepetitionLevel(upTo) == 1) {
        return schema.getMaxDefinitionLevel(upTo);
      }
    }
    throw new AssertionError(leaf);
  }

  private static String describe(Type type) {
    LogicalTypeAnnotation logical = type.getLogicalTypeAnnotation();
    if (type.isPrimitive()) {
      PrimitiveTypeName name = type.asPrimitiveType().getPrimitiveTypeName();
      return (logical == null ? name.toString() : logical.toString()).toLowerCase(Locale.ROOT);
    }
    if (logical instanceof ListLogicalTypeAnnotation) {
      Type repeated = type.asGroupType().getType(0);
      boolean wrapped = !repeated.isPrimitive() && repeated.asGroupType().getFieldCount() == 1;
      GroupType group = wrapped ? repeated.asGroupType() : type.asGroupType();
      return "list of " + describe(group.getType(0));
    }
    return logical == null ? "struct" : logical.toString().toLowerCase(Locale.ROOT);
  }

  /** The column of values that must be read for this; none where nothing is. */
  List<ColumnDescriptor> leaves() {
    return reads == Reads.NOTHING ? List.of() : leaves;
  }

  /**
   * Reads the next row's cell.
   *
   * @param values of {@link #leaves}; stand at the row's first
   */
  void read(List<ColumnReader> values, Row row) {
    switch (reads) {
      case NOTHING -> row.other(column, found);
      case TEXT -> text(values.get(0), row);
      case INTS -> ints(values.get(0), row);
      case PRESENCE -> {
        if (isSet(values.get(0))) {
          row.other(column, found);
        }
        values.get(0).consume();
      }
    }
  }

  private static boolean isSet(ColumnReader value) {
    return value.getCurrentDefinitionLevel() == value.getDescriptor().getMaxDefinitionLevel();
  }

  private void text(ColumnReader value, Row row) {
    if (isSet(value)) {
      ByteBuffer bytes = value.getBinary().toByteBuffer();
      if (bytes.hasArray()) {
        row.text(column, bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
      } else {
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        row.text(column, copy, 0, copy.length);
      }
    }
    value.consume();
  }

  private void ints(ColumnReader value, Row row) {
    boolean isNull = value.getCurrentDefinitionLevel() < elementLevel - 1;
    int start = row.startInts();
    String wrong = "";
    do {
      if (value.getCurrentDefinitionLevel() < elementLevel) {
        // null, or an empty list
      } else if (!isSet(value)) {
        wrong = "a list that holds null";
      } else {
        long number = number(value);
        if (number == (int) number && !(unsigned && number < 0)) {
          row.add((int) number);
        } else {
          wrong =
              "a list that holds the number "
                  + (unsigned ? Long.toUnsignedString(number) : Long.toString(number));
        }
      }
      value.consume();
    } while (value.getCurrentRepetitionLevel() > 0);
    if (!wrong.isEmpty()) {
      row.other(column, wrong);
    } else if (!isNull) {
      row.ints(column, start);
    }
  }

  private boolean isUnsigned() {
    return leaves.get(0).getPrimitiveType().getLogicalTypeAnnotation()
            instanceof IntLogicalTypeAnnotation logical
        && !logical.isSigned();
  }

  private long number(ColumnReader value) {
    return switch (value.getDescriptor().getPrimitiveType().getPrimitiveTypeName()) {
      case BOOLEAN -> value.getBoolean() ? 1 : 0;
      case INT32 -> unsigned ? Integer.toUnsignedLong(value.getInteger()) : value.getInteger();
      default -> value.getLong();
    };
  }
}
