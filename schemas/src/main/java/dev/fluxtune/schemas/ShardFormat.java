package dev.fluxtune.schemas;

import java.util.Locale;

/**
 * The names and the version of a folder of packed shards: {@code part-00000.parquet}, … with one
 * chunk a row, and the manifest, which is written last: without it the folder is not complete.
 */
public final class ShardFormat {
  /**
   * Rises with whatever changes the bytes of a part, the version of the Parquet or the compression
   * library included: parts of two versions are never mixed.
   */
  public static final int VERSION = 1;

  /** What the manifest says it is. */
  public static final String NAME = "fluxtune-shards";

  /**
   * The manifest's file. Hidden, because pyarrow and {@code load_dataset("parquet", data_dir=…)}
   * open every visible file of a folder as Parquet, whatever its name ends in.
   */
  public static final String MANIFEST = ".manifest.json";

  /** Key of the note, a JSON object, that each part carries in its footer. */
  public static final String NOTE = "fluxtune";

  /** Columns of type {@code list<int32>}, as Hugging Face's trainer names them. */
  public static final String INPUT_IDS = "input_ids";

  public static final String LABELS = "labels";
  public static final String SEQ_LENGTHS = "seq_lengths";

  private ShardFormat() {}

  /** The file of a part. */
  public static String part(int index) {
    return String.format(Locale.ROOT, "part-%05d.parquet", index);
  }
}
