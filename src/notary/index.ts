/** The wire protocol of a trust server, for servers and clients, and the client itself. */
export { parseChallenges, type Challenge } from "../transport/challenge.ts";
export type { Credentials } from "../transport/credentials.ts";
export { isLoopbackHost } from "../transport/loopback.ts";
export { printable } from "../transport/printable.ts";
export type { ClientCertificate, TlsOptions } from "../transport/tlsOptions.ts";
export {
  changefeedQuery,
  decodeChangefeed,
  encodeChangefeed,
  parseChangefeedQuery,
  type ChangefeedQuery,
  type ChangeRecord,
} from "./changefeed.ts";
export { parseNotaryAuth } from "./credentials.ts";
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
export {
  TrustServer,
  type Access,
  type PingResult,
  type RequestOptions,
  type TrustServerOptions,
} from "./trustServer.ts";
export { decodeUpload, defaultUploadLimits, encodeUpload, type UploadLimits, type UploadPart } from "./upload.ts";
