package dev.fluxtune.app;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.fluxtune.pipeline.format.RowKind;
import dev.fluxtune.schemas.Packing;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Everything that determines the bytes of packed shards, as JSON: no path, no time, nothing of the
 * machine. Two runs with equal settings pack the same chunks.
 */
final class Settings {
  private Settings() {}

  static ObjectNode of(Ports io, Cache cache) {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    all.set("files", files(io, cache));
    all.put("rows", io.kind().name().toLowerCase(Locale.ROOT));
    ObjectNode renamed = all.putObject("column_mapping");
    io.config().data().columnMapping().forEach(renamed::put);
    all.put("on_bad_row", io.config().data().onBadRow().name().toLowerCase(Locale.ROOT));
    io.config()
        .data()
        .testSplitSize()
        .ifPresent(
            size ->
                all.put("test_split_size", size)
                    .put("test_split_seed", io.config().training().chunkSeed()));
    if (io.config().data().shuffleDataset()) {
      all.put("shuffle_seed", io.config().training().seed());
    }
    if (io.kind().isText()) {
      if (io.kind() == RowKind.TEXT) {
        all.put("dataset_text_field", io.config().data().datasetTextField());
      }
      io.template().ifPresent(it -> all.put("template", it.toString()));
      all.put("completion_only_loss", io.completionOnly());
      io.tokenizerFile().ifPresent(file -> all.put("tokenizer", cache.sha256(file)));
      all.put("concat_token_id", io.tokenizer().endId());
    }
    if (io.kind() != RowKind.PACKED) {
      packing(io.packing(), all);
    }
    return all;
  }

  private static ArrayNode files(Ports io, Cache cache) {
    ArrayNode files = JsonNodeFactory.instance.arrayNode();
    for (Ports.DataSet set : io.dataSets()) {
      for (Path file : set.files()) {
        ObjectNode entry = files.addObject();
        entry.put("name", file.getFileName().toString());
        entry.put("bytes", Ports.size(file));
        entry.put("sha256", cache.sha256(file));
        if (!set.columns().isEmpty()) {
          set.columns().forEach(entry.putArray("columns")::add);
        }
      }
    }
    return files;
  }

  private static void packing(Packing packing, ObjectNode all) {
    if (packing instanceof Packing.Wrapped it) {
      all.put("packing_strategy", "wrapped").put("max_length", it.maxLength());
      all.put("tail", it.tail().name().toLowerCase(Locale.ROOT));
      if (it.tail() == Packing.Tail.PAD) {
        all.put("pad_id", it.padId());
      }
    } else if (packing instanceof Packing.Bfd it) {
      all.put("packing_strategy", "bfd").put("max_length", it.maxLength());
      all.put("packing_window", it.window());
    } else if (packing instanceof Packing.BfdSplit it) {
      all.put("packing_strategy", "bfd_split").put("max_length", it.maxLength());
      all.put("packing_window", it.window());
    } else if (packing instanceof Packing.None it) {
      all.put("packing", false);
      it.maxLength().ifPresent(n -> all.put("max_length", n));
    } else {
      throw new AssertionError(packing);
    }
  }
}
