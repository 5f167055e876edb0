/**
 * Every rule of the trust server's upload validation, each with an upload that keeps or breaks it and the answer expected.
 * Run against our server by its unit test, and against the original by the interop test, so the expectations themselves are
 * checked. Rule numbers: A root, B targets and delegations, C snapshot, D timestamp, E storing, F the form of an upload.
 */
import { delegationCases } from "./uploadCasesDelegation.ts";
import { formCases } from "./uploadCasesForm.ts";
import { rootCases } from "./uploadCasesRoot.ts";
import { rotationCases } from "./uploadCasesRotation.ts";
import { snapshotCases } from "./uploadCasesSnapshot.ts";
import { targetsCases } from "./uploadCasesTargets.ts";
import type { UploadCase } from "./uploadCase.ts";

export const uploadCases: readonly UploadCase[] = [
  ...rootCases,
  ...rotationCases,
  ...targetsCases,
  ...delegationCases,
  ...snapshotCases,
  ...formCases,
];
