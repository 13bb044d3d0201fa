/**
 * The store: artifacts named by their content, the records that lead to them, and the runs.
 *
 * @module
 */
export { openStore, type Store } from "./store.ts";
export { layoutOf, safeName, type StoreLayout } from "./disk/layout.ts";
export { canonicalDigest, canonicalJson } from "../base/canonical_json.ts";
export { type Digest, type FileHash, hashFile, isDigest, sha256Hex } from "../base/hash.ts";
export { Blobs, type BlobState } from "./blobs.ts";
export {
  type ArtifactCheck,
  Artifacts,
  type ArtifactState,
  type DamagedFile,
  type Published,
} from "./artifact.ts";
export type { Manifest, ManifestFile } from "./manifest.ts";
export { type Action, Actions, keyLock } from "./records/action.ts";
export { type FoundRun, type ListOptions, RunFolder, Runs } from "./records/record.ts";
export type { RunRecord, RunStart, RunStatus, StageRecord } from "./records/run_record.ts";
export { type AcquireOptions, type Lock, Locks, type Waiting } from "./locks/lock.ts";
export { describeOwner, type Owner, ownerState, thisOwner } from "./locks/owner.ts";
export { isUsed, markUse, type UseMark } from "./locks/use_mark.ts";
export { Scratch, type ScratchFolder } from "./scratch.ts";
export {
  copyFile,
  type Snapshot,
  type SnapshotFiles,
  snapshotPath,
  Snapshots,
} from "./snapshots.ts";
export { MAX_ENTRIES, refuseMany } from "./tree.ts";
export { ResumeFolders } from "./resume.ts";
export { isSettled, REST, stampOf, StoreIndex } from "./index.ts";
export { type Attempt, guarded, storeFailure, systemRefusal } from "./disk/failure.ts";
export { removeInTurn, settleRemovals } from "./disk/removal.ts";
export { ensureFolder, writeFileAtomic, type WriteOptions } from "./disk/durable.ts";
