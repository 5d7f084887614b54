package dev.fluxtune.app.watch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32;

/** Reads W&B's record files, as far as the tests need it. */
public final class WandbRecords {
  private WandbRecords() {}

  /** A message: what each of its fields holds, as numbers or bytes. */
  public record Message(Map<Integer, List<Object>> fields) {
    static Message of(byte[] bytes) {
      ByteBuffer in = ByteBuffer.wrap(bytes);
      Map<Integer, List<Object>> fields = new TreeMap<>();
      while (in.hasRemaining()) {
        int tag = (int) varint(in);
        Object value;
        if ((tag & 7) == 0) {
          value = varint(in);
        } else {
          assertThat(tag & 7).isEqualTo(2);
          byte[] data = new byte[(int) varint(in)];
          in.get(data);
          value = data;
        }
        fields.computeIfAbsent(tag >> 3, it -> new ArrayList<>()).add(value);
      }
      return new Message(fields);
    }

    private static long varint(ByteBuffer in) {
      long value = 0;
      for (int shift = 0; ; shift += 7) {
        byte next = in.get();
        value |= (next & 0x7FL) << shift;
        if (next >= 0) {
          return value;
        }
      }
    }

    public boolean has(int field) {
      return fields.containsKey(field);
    }

    public long number(int field) {
      return (long) fields.get(field).get(0);
    }

    public String text(int field) {
      return texts(field).get(0);
    }

    public List<String> texts(int field) {
      return fields.getOrDefault(field, List.of()).stream()
          .map(it -> new String((byte[]) it, StandardCharsets.UTF_8))
          .toList();
    }

    public Message message(int field) {
      return messages(field).get(0);
    }

    public List<Message> messages(int field) {
      return fields.getOrDefault(field, List.of()).stream().map(it -> of((byte[]) it)).toList();
    }

    /** Of items with a key and its value as JSON. */
    public Map<String, String> items(int field) {
      Map<String, String> items = new TreeMap<>();
      messages(field).forEach(it -> items.put(String.join(".", it.key()), it.text(16)));
      return items;
    }

    private List<String> key() {
      return has(1) ? texts(1) : texts(2);
    }
  }

  /** The whole records of a file, their checksums checked and their numbers in order. */
  public static List<Message> read(byte[] file) {
    ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    byte[] head = new byte[7];
    in.get(head);
    assertThat(head).isEqualTo(new byte[] {':', 'W', '&', 'B', (byte) 0xE1, (byte) 0xBE, 0});
    List<Message> records = new ArrayList<>();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    while (true) {
      int left = 32768 - in.position() % 32768;
      if (left < 7) {
        byte[] padding = new byte[Math.min(left, in.remaining())];
        in.get(padding);
        assertThat(padding).containsOnly(0);
      }
      if (in.remaining() < 7) {
        return records;
      }
      int checksum = in.getInt();
      int length = in.getShort() & 0xFFFF;
      byte kind = in.get();
      if (in.remaining() < length) {
        return records; // of a run that was killed
      }
      assertThat((in.position() - 7) % 32768 + 7 + length).isLessThanOrEqualTo(32768);
      byte[] part = new byte[length];
      in.get(part);
      CRC32 crc = new CRC32();
      crc.update(kind);
      crc.update(part);
      assertThat(checksum).isEqualTo((int) crc.getValue());
      assertThat(data.size() == 0).isEqualTo(kind == 1 || kind == 2);
      data.writeBytes(part);
      if (kind == 1 || kind == 4) {
        records.add(Message.of(data.toByteArray()));
        data.reset();
        assertThat(records.get(records.size() - 1).number(1)).isEqualTo(records.size());
      }
    }
  }
}
