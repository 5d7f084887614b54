package dev.fluxtune.pipeline.source;

import java.util.Locale;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.LargeVarCharVector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VariableWidthFieldVector;
import org.apache.arrow.vector.ViewVarCharVector;
import org.apache.arrow.vector.complex.BaseListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.types.pojo.Field;

/** A kept column of an Arrow file: how its cells are read. */
final class ArrowField {
  private final int column;

  /** What a dictionary's numbers stand for; without a dictionary, the column itself. */
  private final FieldVector values;

  private final FieldVector cells;

  /**
   * @param cells the column, which takes its place in each record batch
   * @param values the dictionary that it refers to, else itself
   */
  ArrowField(int column, FieldVector cells, FieldVector values) {
    this.column = column;
    this.cells = cells;
    this.values = values;
  }

  /** Reads the cell at a place of the record batch that is loaded. */
  void read(int index, Row row) {
    if (cells.isNull(index)) {
      return;
    }
    int at = cells == values ? index : (int) ((BaseIntVector) cells).getValueAsLong(index);
    if (values.isNull(at)) {
      return;
    }
    if (values instanceof VarCharVector
        || values instanceof LargeVarCharVector
        || values instanceof ViewVarCharVector) {
      byte[] text = text(at);
      row.text(column, text, 0, text.length);
    } else if (values instanceof BaseListVector lists && isInts(values)) {
      ints(lists.getElementStartIndex(at), lists.getElementEndIndex(at), row);
    } else if (values instanceof LargeListVector lists && isInts(values)) {
      // One record batch holds no more than an int can count, Arrow's Java vectors neither.
      ints((int) lists.getElementStartIndex(at), (int) lists.getElementEndIndex(at), row);
    } else {
      row.other(column, "of type " + describe(values.getField()));
    }
  }

  /** Its length is checked first: a damaged one may be larger than memory. */
  private byte[] text(int at) {
    VariableWidthFieldVector texts = (VariableWidthFieldVector) values;
    int length = texts.getValueLength(at);
    if (length < 0 || length > heldBytes()) {
      throw new IllegalStateException("a text of %d bytes".formatted(length));
    }
    return texts.get(at);
  }

  private long heldBytes() {
    long inline = values.getDataBuffer().capacity();
    return values instanceof ViewVarCharVector views
        ? inline + views.getDataBuffers().stream().mapToLong(ArrowBuf::capacity).sum()
        : inline;
  }

  private static boolean isInts(FieldVector lists) {
    ValueVector data = lists.getChildrenFromFields().get(0);
    return data.getField().getDictionary() == null
        && (data instanceof BaseIntVector || data instanceof BitVector);
  }

  private void ints(int from, int to, Row row) {
    ValueVector data = values.getChildrenFromFields().get(0);
    int start = row.startInts();
    for (int i = from; i < to; i++) {
      if (data.isNull(i)) {
        row.other(column, "a list that holds null");
        return;
      }
      long number =
          data instanceof BaseIntVector numbers
              ? numbers.getValueAsLong(i)
              : ((BitVector) data).get(i);
      boolean wraps = number < 0 && data instanceof UInt8Vector;
      if (number != (int) number || wraps) {
        row.other(
            column,
            "a list that holds the number "
                + (wraps ? Long.toUnsignedString(number) : Long.toString(number)));
        return;
      }
      row.add((int) number);
    }
    row.ints(column, start);
  }

  private static String describe(Field field) {
    String type = field.getType().toString().toLowerCase(Locale.ROOT);
    return field.getChildren().size() == 1
        ? type + " of " + describe(field.getChildren().get(0))
        : type;
  }
}
