import type { Descriptor, DiffID, Digest, ImageConfig, ImageManifest } from '@tsbuild/spec'

export type Annotations = Readonly<Record<string, string>>

/** Whose media types manifest, config, layers and index have: those of the OCI image spec, or of Docker's manifest v2 schema 2. */
export type ImageFormat = 'oci' | 'docker'

/** An image that can be written out: its config's bytes, and its layers by diffID, lowest first. */
export interface ExportableImage {
  readonly configBytes: Uint8Array
  readonly layers: readonly ExportLayer[]
  /** Default `oci`. */
  readonly format?: ImageFormat
  /** OCI annotations of the manifest. */
  readonly annotations?: Annotations
  /** Annotations of the manifest's descriptor in an index that names it. */
  readonly descriptorAnnotations?: Annotations
}

/** One layer; `size` is that of the uncompressed tar, in bytes. */
export interface ExportLayer {
  readonly diffId: DiffID
  readonly size: number
  /** Of the layer's descriptor in the manifest; Docker's format has none. */
  readonly annotations?: Annotations
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
