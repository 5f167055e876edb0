import { DockerArchiveSource } from "./dockerArchive.ts";
import type { ImageSource } from "./imageSource.ts";
import { indexFile, layoutFile } from "./layoutFormat.ts";
import { LayoutSource } from "./layoutSource.ts";
import type { CallOptions } from "./registryClient.ts";
import { TarTree } from "./tarTree.ts";

/**
 * Opens an image in a tar: an OCI layout, or what `docker save` writes; where a tar is both, the layout counts.
 * @param ref the name of the image; without it, the only one there
 * @throws OciError OCI_ARCHIVE, OCI_CHOICE, OCI_NOT_FOUND, OCI_FILE
 */
export async function openArchive(file: string, ref?: string, options: CallOptions = {}): Promise<ImageSource> {
  const tree = await TarTree.open(file);
  try {
    const isLayout = (await tree.size(indexFile)) !== undefined && (await tree.size(layoutFile)) !== undefined;
    return isLayout ? await LayoutSource.open(tree, ref) : await DockerArchiveSource.open(tree, ref, options);
  } catch (error) {
    await tree.close();
    throw error;
  }
}
