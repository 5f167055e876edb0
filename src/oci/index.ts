/** Image names, and what Docker's configuration directory says about logins and connections. */
export type { Credentials } from "../transport/credentials.ts";
export { DockerConfig, dockerConfigDirectory } from "./dockerConfig.ts";
export { readDockerTls, type DockerTlsFiles } from "./dockerTls.ts";
export { OciError, ociErrors, type OciCode } from "./errors.ts";
export {
  familiarName,
  familiarText,
  isDockerHub,
  parseImageName,
  repositoryName,
  withDefaultTag,
  type ImageName,
} from "./imageName.ts";
