package dev.fluxtune.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Tensor mathematics from a readable source: the methods of its class {@code Ops}, each called by
 * name. Owns native memory; one thread at a time.
 *
 * <p>The source reaches every operator of PyTorch, DJL's own arrays only some. It is put into the
 * archive that {@code torch.jit.save} would have written, so that no Python is needed.
 */
public final class TorchScript implements AutoCloseable {
  private static final String METHOD = "module_method:";
  private static final Pattern CONSTANT = Pattern.compile("\\$(\\w+)");

  private final NDManager manager;
  private final PtSymbolBlock block;

  private TorchScript(NDManager manager, PtSymbolBlock block) {
    this.manager = manager;
    this.block = block;
  }

  /**
   * Loads a source that stands beside {@code owner}.
   *
   * @param resources the file of the class, and where some of its methods stand in others, those
   * @param constants what to put for each {@code $name} in the source, comments included
   */
  public static TorchScript load(
      NDManager parent, Class<?> owner, List<String> resources, Map<String, String> constants) {
    NDManager manager = parent.newSubManager();
    try {
      byte[] archive = archive(source(owner, resources, constants));
      return new TorchScript(
          manager,
          JniUtils.loadModule(
              (PtNDManager) manager, new ByteArrayInputStream(archive), true, false));
    } catch (IOException e) {
      manager.close();
      throw new UncheckedIOException(e);
    } catch (RuntimeException | Error e) {
      manager.close();
      throw e;
    }
  }

  /**
   * Calls a method.
   *
   * @param results the manager that will own what the method returns
   * @param arguments in the method's order: {@link NDArray}, or {@code List<NDArray>} for a {@code
   *     List[Tensor]}, which cannot be empty
   * @return a tensor, or the tensors of a tuple or list, in order; a method must return something
   */
  public NDList call(NDManager results, String method, Object... arguments) {
    // The first array names the method and lends its manager; lists are told apart by their name.
    try (NDArray tag = results.create(new Shape(0))) {
      tag.setName(METHOD + method);
      NDList inputs = new NDList(tag);
      for (int i = 0; i < arguments.length; i++) {
        if (arguments[i] instanceof NDArray array) {
          array.setName(null);
          inputs.add(array);
        } else {
          for (Object element : (List<?>) arguments[i]) {
            NDArray array = (NDArray) element;
            array.setName("list" + i + "[]");
            inputs.add(array);
          }
        }
      }
      // true: else the results would be inference tensors, which nothing may change later.
      return IValueUtils.forward(block, inputs, true);
    }
  }

  @Override
  public void close() {
    block.close();
    manager.close();
  }

  private static String source(
      Class<?> owner, List<String> resources, Map<String, String> constants) throws IOException {
    StringBuilder source = new StringBuilder();
    for (String resource : resources) {
      try (InputStream in = owner.getResourceAsStream(resource)) {
        if (in == null) {
          throw new IllegalStateException(resource + " is missing beside " + owner);
        }
        source.append(new String(in.readAllBytes(), StandardCharsets.UTF_8));
      }
    }
    return CONSTANT
        .matcher(source)
        .replaceAll(name -> Objects.requireNonNull(constants.get(name.group(1)), name.group(1)));
  }

  /** A zip without compression, as PyTorch's own reader wants it. */
  private static byte[] archive(String source) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      store(zip, "m/data.pkl", pickledObject());
      store(zip, "m/code/__torch__.py", source.getBytes(StandardCharsets.UTF_8));
      store(zip, "m/constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
      store(zip, "m/version", "10\n".getBytes(StandardCharsets.US_ASCII));
      store(zip, "m/byteorder", "little".getBytes(StandardCharsets.US_ASCII));
    }
    return bytes.toByteArray();
  }

  private static void store(ZipOutputStream zip, String name, byte[] content) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(content);
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setCrc(crc.getValue());
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }

  /** Pickle of {@code __torch__.Ops(training=True, _is_full_backward_hook=None)}. */
  private static byte[] pickledObject() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) 0x80, 2}); // protocol 2
    out.writeBytes("c__torch__\nOps\n".getBytes(StandardCharsets.US_ASCII)); // the class
    out.writeBytes(")\u0081}(".getBytes(StandardCharsets.ISO_8859_1)); // an object of it, its dict
    text(out, "training");
    out.write(0x88); // True
    text(out, "_is_full_backward_hook");
    out.writeBytes("Nub.".getBytes(StandardCharsets.US_ASCII)); // None; build; stop
    return out.toByteArray();
  }

  private static void text(ByteArrayOutputStream out, String value) {
    out.write('X');
    out.writeBytes(new byte[] {(byte) value.length(), 0, 0, 0});
    out.writeBytes(value.getBytes(StandardCharsets.US_ASCII));
  }
}
