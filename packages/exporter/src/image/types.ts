import type { Descriptor, DiffID, Digest, ImageConfig, ImageManifest } from '@tsbuild/spec'

/** An image that can be written out: its config's bytes, and its layers by diffID, lowest first. */
export interface ExportableImage {
  readonly configBytes: Uint8Array
  readonly layers: readonly ExportLayer[]
  /** OCI annotations of the manifest. */
  readonly annotations?: Readonly<Record<string, string>>
}

/** One layer; `size` is that of the uncompressed tar, in bytes. */
export interface ExportLayer {
  readonly diffId: DiffID
  readonly size: number
}

/** A blob of the image in memory. */
export interface EncodedBlob {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

/** What `assembleImage` makes. The manifest's layers are uncompressed: digest = diffID. */
export interface AssembledImage extends ExportableImage {
  readonly config: ImageConfig
  readonly configDigest: Digest
  readonly manifest: ImageManifest
  readonly manifestBytes: Uint8Array
  /** Of the manifest. */
  readonly descriptor: Descriptor
}
