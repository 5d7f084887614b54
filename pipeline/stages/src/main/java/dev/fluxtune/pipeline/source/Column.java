package dev.fluxtune.pipeline.source;

import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.FieldType;

/**
 * Owns the Arrow memory of one column: its texts, its lists of ints, and descriptions of cells that
 * are neither; in a row at most one of the three is set. Most columns hold one kind only, and the
 * vectors of the others then take no memory.
 */
final class Column implements AutoCloseable {
  private static final FieldType INT = FieldType.notNullable(new ArrowType.Int(32, true));

  /** A batch of large rows does not decide what its successors begin with. */
  private static final int MAX_HINT = 1 << 20;

  private final VarCharVector texts;
  private final ListVector ints;
  private final VarCharVector others;

  /** Memory to begin with: what the batch before needed. */
  private final int textBytesHint;

  private final int intsHint;

  Column(BufferAllocator allocator) {
    this(allocator, 1 << 12, 1 << 10);
  }

  private Column(BufferAllocator allocator, int textBytesHint, int intsHint) {
    texts = new VarCharVector("texts", allocator);
    ints = ListVector.empty("ints", allocator);
    ints.addOrGetVector(INT);
    others = new VarCharVector("others", allocator);
    this.textBytesHint = textBytesHint;
    this.intsHint = intsHint;
  }

  /** An empty column for the rows that follow. */
  Column next(BufferAllocator allocator) {
    return new Column(
        allocator,
        hint(texts.getValueCount() == 0 ? 0 : texts.sizeOfValueBuffer(), textBytesHint),
        hint(data().getValueCount(), intsHint));
  }

  /** Somewhat more than was used, so that a batch rarely grows. */
  private static int hint(int used, int last) {
    return used == 0 ? last : (int) Math.min(MAX_HINT, used + used / 4L);
  }

  Row.Kind kind(int row) {
    if (isSet(texts, row)) {
      return Row.Kind.TEXT;
    }
    if (isSet(ints, row)) {
      return Row.Kind.INTS;
    }
    return isSet(others, row) ? Row.Kind.OTHER : Row.Kind.NOTHING;
  }

  private static boolean isSet(FieldVector vector, int row) {
    return row < vector.getValueCount() && !vector.isNull(row);
  }

  byte[] text(int row) {
    return bytes(texts, row);
  }

  byte[] other(int row) {
    return bytes(others, row);
  }

  private static byte[] bytes(VarCharVector vector, int row) {
    ArrowBuf offsets = vector.getOffsetBuffer();
    int start = offsets.getInt(4L * row);
    byte[] bytes = new byte[offsets.getInt(4L * row + 4) - start];
    vector.getDataBuffer().getBytes(start, bytes);
    return bytes;
  }

  int[] ints(int row) {
    int start = ints.getElementStartIndex(row);
    int[] values = new int[ints.getElementEndIndex(row) - start];
    data()
        .getDataBuffer()
        .nioBuffer(4L * start, 4 * values.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asIntBuffer()
        .get(values);
    return values;
  }

  private IntVector data() {
    return (IntVector) ints.getDataVector();
  }

  /** Sets the cell after those that are set. */
  void set(int index, Row row, int column) {
    int start = row.start(column);
    int length = row.length(column);
    switch (row.kind(column)) {
      case NOTHING -> {}
      case TEXT -> allocated(texts, textBytesHint).setSafe(index, row.bytes(), start, length);
      case OTHER -> allocated(others, 1 << 10).setSafe(index, row.bytes(), start, length);
      case INTS -> {
        long at = 4L * startInts(index, length / 4);
        data().getDataBuffer().setBytes(at, row.bytes(), start, length);
      }
    }
  }

  /**
   * Sets the cell after those that are set to what another column holds.
   *
   * @return the bytes that it takes
   */
  long set(int index, Column from, int row) {
    return switch (from.kind(row)) {
      case NOTHING -> 0;
      case TEXT -> copy(from.texts, row, allocated(texts, textBytesHint), index);
      case OTHER -> copy(from.others, row, allocated(others, 1 << 10), index);
      case INTS -> {
        int start = from.ints.getElementStartIndex(row);
        int count = from.ints.getElementEndIndex(row) - start;
        long at = 4L * startInts(index, count);
        data().getDataBuffer().setBytes(at, from.data().getDataBuffer(), 4L * start, 4L * count);
        yield 4L * count;
      }
    };
  }

  private static long copy(VarCharVector from, int row, VarCharVector to, int index) {
    int start = from.getStartOffset(row);
    int length = from.getEndOffset(row) - start;
    to.setSafe(index, start, length, from.getDataBuffer());
    return length;
  }

  private static VarCharVector allocated(VarCharVector vector, int bytes) {
    if (vector.getValueCapacity() == 0) {
      vector.allocateNew(bytes, RecordBatch.MAX_ROWS);
    }
    return vector;
  }

  /** Makes room for a list and says where its values go. */
  private int startInts(int index, int count) {
    if (ints.getValueCapacity() == 0) {
      ints.setInitialTotalCapacity(RecordBatch.MAX_ROWS, Math.max(intsHint, count));
      ints.allocateNew();
    }
    int start = ints.startNewValue(index);
    while (data().getValueCapacity() < start + count) {
      data().reAlloc();
    }
    ints.endValue(index, count);
    return start;
  }

  /** Ends the column; nothing is set after that. */
  void finish(int rows) {
    if (texts.getValueCapacity() > 0) {
      texts.setValueCount(rows);
    }
    if (others.getValueCapacity() > 0) {
      others.setValueCount(rows);
    }
    if (ints.getValueCapacity() > 0) {
      ints.setValueCount(rows);
      data().getValidityBuffer().setOne(0L, (data().getValueCount() + 7L) / 8);
    }
  }

  /** Arrow memory that is held. */
  long bytes() {
    return vectors().stream()
        .flatMap(vector -> Arrays.stream(vector.getBuffers(false)))
        .mapToLong(ArrowBuf::capacity)
        .sum();
  }

  /** The vectors that hold something, each under its name. */
  List<FieldVector> vectors() {
    return Stream.<FieldVector>of(texts, ints, others).filter(v -> v.getValueCount() > 0).toList();
  }

  /** Takes over the memory of a vector that {@link #vectors} gave. */
  void take(String name, FieldVector vector) {
    for (FieldVector own : List.of(texts, ints, others)) {
      if (own.getName().equals(name)) {
        vector.makeTransferPair(own).transfer();
        return;
      }
    }
    throw new IllegalArgumentException(name);
  }

  @Override
  public void close() {
    texts.close();
    ints.close();
    others.close();
  }
}
