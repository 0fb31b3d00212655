import type { Digest, HistoryEntry, ImageConfig, ImageManifest, SnapshotName } from '@tsbuild/spec'

export interface ImageSummary {
  /** Repository as Docker shows it, `<none>` without a name. */
  readonly repository: string
  readonly tag: string
  /** Config digest. */
  readonly id: Digest
  readonly digest: Digest
  readonly created?: string
  /** Sum of the uncompressed layers, in bytes. */
  readonly sizeBytes: number
}

/** One line of history, newest first; `id` is set on the newest only, as only whole images have ids. */
export interface HistoryLine extends HistoryEntry {
  readonly id?: Digest
  readonly sizeBytes: number
}

export interface ImageDetails {
  readonly id: Digest
  readonly digest: Digest
  readonly names: readonly string[]
  readonly config: ImageConfig
  readonly manifest: ImageManifest
  readonly sizeBytes: number
  /** The layers' snapshots, lowest first. */
  readonly layers: readonly SnapshotName[]
}

/** The images of a root folder. Names follow Docker's rules; ids may be shortened to what is unambiguous. */
export interface Images {
  list(): ImageSummary[]
  /** @throws {CoreError} `IMAGE_NOT_FOUND`, with the nearest name as hint */
  inspect(nameOrId: string): ImageDetails
  /** @throws {CoreError} `IMAGE_NOT_FOUND` */
  history(nameOrId: string): HistoryLine[]
  /** @throws {CoreError} `IMAGE_NOT_FOUND` */
  tag(nameOrId: string, name: string): Promise<void>
}
