/** What can be wrong in a root folder. */
export type FindingKind =
  /** A blob's content has another digest than its name says. */
  | 'blobCorrupt'
  /** `content/index.json` is not what the store's names say, or lists an image that is not whole. */
  | 'layoutWrong'
  /** A name leads to a manifest or config that is not there. */
  | 'nameDangling'
  /** An image whose layers are neither unpacked nor there as blobs. */
  | 'imageIncomplete'
  /** A cache record whose layer is gone. */
  | 'recordDangling'
  /** A committed snapshot without its files or its record. */
  | 'snapshotDamaged'
  /** A layer whose files are not those that its digest was taken of. */
  | 'snapshotChanged'
  /** A snapshot that no table knows. */
  | 'snapshotUnknown'
  /** A row of a layer whose snapshot is gone. */
  | 'layerDangling'
  /** A stack of layers of which one is gone. */
  | 'chainDangling'
  /** A container whose image, layers or files are gone. */
  | 'containerDangling'
  /** A repository has a blob that is not there. */
  | 'repositoryBlobMissing'
  /** A repository has a manifest that is not there, or a tag or a referrer without its manifest. */
  | 'repositoryManifestMissing'
  /** What a dead process left half done. */
  | 'sessionLeft'

/** One thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind
  /** `leftover`: what is there after a kill or a power cut in the ordinary course of things; harmless but for its space. */
  readonly severity: 'error' | 'leftover'
  /** What it is about: a digest, a name, an id. */
  readonly subject: string
  /** What is wrong with it. */
  readonly state: string
  /** What a repair does about it. */
  readonly repair: string
  /** Whether that was done. */
  readonly repaired: boolean
}

/** What is wrong, and how to mend it: `mend` looks again, in one transaction, and tells whether it changed something. */
export interface Problem extends Omit<Finding, 'repaired'> {
  readonly mend: () => Promise<boolean>
}

/** Told how far a phase is; bytes for blobs, rows for the rest. */
export type OnCheckProgress = (phase: CheckPhase, done: number, total?: number) => void
export type CheckPhase = 'blobs' | 'snapshots' | 'layers' | 'images' | 'records' | 'containers' | 'repositories'
