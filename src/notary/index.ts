/** The wire protocol of a trust server, for servers and clients, and the client itself. */
export { printable, type Access } from "./auth.ts";
export {
  changefeedQuery,
  decodeChangefeed,
  encodeChangefeed,
  parseChangefeedQuery,
  type ChangefeedQuery,
  type ChangeRecord,
} from "./changefeed.ts";
export { parseChallenges, type Challenge } from "./challenge.ts";
export { parseNotaryAuth, type Credentials } from "./credentials.ts";
export {
  decodeErrorBody,
  encodeErrorBody,
  errorContentType,
  ProtocolError,
  serverErrorCodes,
  validationDetail,
  type ServerErrorCode,
} from "./errorCodes.ts";
export {
  isOutage,
  NotaryError,
  notaryErrors,
  type NotaryCode,
  type ServerReason,
  type ValidationName,
} from "./errors.ts";
export { decodeKeyAnswer, encodeKeyAnswer } from "./keyAnswer.ts";
export { isLoopbackHost } from "./loopback.ts";
export { parseMediaType } from "./mediaType.ts";
export {
  changefeedPath,
  collectionPath,
  keyPath,
  matchTrustRoute,
  metadataPath,
  routeFacts,
  type MetadataSelector,
  type TrustMatch,
  type TrustRoute,
} from "./paths.ts";
export type { ClientCertificate, TlsOptions } from "./tlsOptions.ts";
export { TrustServer, type PingResult, type RequestOptions, type TrustServerOptions } from "./trustServer.ts";
export { decodeUpload, defaultUploadLimits, encodeUpload, type UploadLimits, type UploadPart } from "./upload.ts";
