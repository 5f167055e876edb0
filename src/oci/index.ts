/** Image names, registries as a client sees them, images in directories, archives and engines, copying and comparing them. */
export type { Credentials } from "../transport/credentials.ts";
export { ArchiveDestination } from "./archiveDestination.ts";
export { openArchive } from "./archiveSource.ts";
export type { Content, PushOptions, PushOutcome } from "./blobUpload.ts";
export {
  compareImages,
  readComparable,
  type ComparableImage,
  type Comparison,
  type PlatformComparison,
  type PlatformImage,
  type PlatformVerdict,
} from "./compare.ts";
export { copyImage, type CopyOptions, type CopyProgress, type CopyResult } from "./copyImage.ts";
export type { Descriptor, Platform } from "./descriptor.ts";
export { digestOf, isDigest } from "./digest.ts";
export { DockerConfig, dockerConfigDirectory } from "./dockerConfig.ts";
export { readDockerTls, type DockerTlsFiles } from "./dockerTls.ts";
export { engineSocket } from "./engineApi.ts";
export { EngineDestination, openEngineImage, type EngineOptions } from "./engineImage.ts";
export { OciError, ociErrors, type OciCode } from "./errors.ts";
export type { FetchedManifest } from "./fetchedManifest.ts";
export { readImageConfig, type ImageConfig } from "./imageConfig.ts";
export type { ImageDestination, PutBlobOptions } from "./imageDestination.ts";
export {
  familiarName,
  familiarText,
  isDockerHub,
  parseImageName,
  repositoryName,
  withDefaultTag,
  type ImageName,
} from "./imageName.ts";
export type { ImageSource } from "./imageSource.ts";
export { readTree, type ImageTree } from "./imageTree.ts";
export { checkLayers } from "./layerCheck.ts";
export { LayoutDestination } from "./layoutDestination.ts";
export { LayoutSource } from "./layoutSource.ts";
export { parseManifest, type ImageIndex, type ImageManifest, type Manifest } from "./manifest.ts";
export { formatPlatform, hostPlatform, isAttestation, parsePlatform, selectPlatform } from "./platform.ts";
export { openRegistry, type RegistryAccessOptions } from "./registryAccess.ts";
export { RegistryClient, type CallOptions, type RegistryClientOptions } from "./registryClient.ts";
export { RegistryDestination, RegistrySource } from "./registryImage.ts";
