import type { Digest, ImageIndex, Platform } from '@tsbuild/spec'

/** What an entry of a list says of its image besides what the image says itself. */
export interface ManifestAnnotations {
  readonly os?: string
  readonly architecture?: string
  readonly variant?: string
  readonly osVersion?: string
  readonly osFeatures?: readonly string[]
  /** OCI annotations of the entry. */
  readonly annotations?: Readonly<Record<string, string>>
}

/** One image of a list. */
export interface ManifestListEntry {
  /** Full name under which it was added. */
  readonly name: string
  /** Of its manifest as it is now; an image that was built here may get another one when it is compressed for a registry. */
  readonly digest: Digest
  readonly size: number
  readonly mediaType: string
  readonly platform: Platform
  readonly annotations?: Readonly<Record<string, string>>
  /** Where the image lies: in the root folder, or in the registry of its name. */
  readonly from: 'store' | 'registry'
}

/** A list that is being put together here. */
export interface ManifestList {
  /** Full name. */
  readonly name: string
  readonly entries: readonly ManifestListEntry[]
}

export interface ManifestCallOptions {
  readonly signal?: AbortSignal
}

export interface PushManifestListOptions extends ManifestCallOptions {
  /** Forget the list here once it is pushed. Default false. */
  readonly purge?: boolean
  /** Media types of the index: OCI's (default) or Docker's manifest list. */
  readonly format?: 'oci' | 'docker'
  /** Told each image as it is sent. */
  readonly onImage?: (name: string, digest: Digest) => void
}

/** Indexes of images for several platforms. They are put together here (`create`, `annotate`) and made at the registry (`push`).
 *
 * A list remembers its images and keeps none of them: one that was removed meanwhile fails the push. */
export interface ManifestLists {
  /** Makes a list of images that are here or, where they are not, at their registries; an index there adds all its images.
   *  @throws {CoreError} `MANIFEST_LIST_EXISTS` unless `amend`, `OPTION_INVALID`; {RegistryError} */
  create(
    name: string,
    images: readonly string[],
    options?: ManifestCallOptions & { readonly amend?: boolean },
  ): Promise<ManifestList>
  /** Changes what the list says of one of its images, named as it was added or by digest.
   *  @throws {CoreError} `MANIFEST_LIST_NOT_FOUND`, `IMAGE_NOT_FOUND` */
  annotate(name: string, image: string, annotations: ManifestAnnotations): Promise<ManifestList>
  /** The index as it would be pushed, of a list here; `undefined` when there is none of this name. */
  index(name: string): ImageIndex | undefined
  /** The document that a name leads to at its registry: an index or a manifest. @throws {RegistryError} */
  fetch(
    name: string,
    options?: ManifestCallOptions,
  ): Promise<{ readonly mediaType: string; readonly bytes: Uint8Array }>
  list(): ManifestList[]
  /** Sends the images to the list's repository (mounted where the registry has them), then the index; resolves with its digest.
   *  @throws {CoreError} `MANIFEST_LIST_NOT_FOUND`, `IMAGE_NOT_FOUND`; {RegistryError} */
  push(name: string, options?: PushManifestListOptions): Promise<{ readonly name: string; readonly digest: Digest }>
  /** Forgets a list here. @throws {CoreError} `MANIFEST_LIST_NOT_FOUND` */
  remove(name: string): Promise<void>
}
