import type { Digest, HistoryEntry, ImageConfig, ImageManifest, SnapshotName } from '@tsbuild/spec'
import type {
  ArchiveDestination,
  ArchiveSource,
  GraphDriver,
  ImageListOptions,
  ImportedImage,
  ImportOptions,
  LoadedImage,
  LoadOptions,
  PruneImagesOptions,
  RemovedImage,
  RemoveImageOptions,
  SaveOptions,
} from './image-options.js'
import type { ManifestLists } from './manifest-lists.js'
import type { PulledImage, PullOptions, PushedImage, PushOptions } from './transfer.js'

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
  /** Every name that leads to the image, as Docker shows names. */
  readonly names: readonly string[]
  /** `repository@digest` of the manifests under which its repositories have it. */
  readonly repoDigests: readonly string[]
  readonly config: ImageConfig
  readonly manifest: ImageManifest
  readonly sizeBytes: number
  /** The layers' snapshots, lowest first; none while they are not unpacked. */
  readonly layers: readonly SnapshotName[]
  readonly graphDriver: GraphDriver
}

/** The images of a root folder. Names follow Docker's rules; ids may be shortened to what is unambiguous. */
export interface Images {
  /** The newest first. @throws {CoreError} `IMAGE_NOT_FOUND` for an image that a filter names */
  list(options?: ImageListOptions): ImageSummary[]
  /** @throws {CoreError} `IMAGE_NOT_FOUND`, with the nearest name as hint */
  inspect(nameOrId: string): ImageDetails
  /** @throws {CoreError} `IMAGE_NOT_FOUND` */
  history(nameOrId: string): HistoryLine[]
  /** @throws {CoreError} `IMAGE_NOT_FOUND` */
  tag(nameOrId: string, name: string): Promise<void>
  /** Brings an image from its registry, or from one of that registry's mirrors, and gives it its name once all of it is there. What is
   *  there already is not fetched again. After a failure or an abort the name leads where it led before.
   *  @throws {RegistryError}, {CoreError} `IMAGE_INVALID`, `PLATFORM_UNSUPPORTED` */
  pull(name: string, options?: PullOptions): Promise<PulledImage>
  /** Pulls every tag of a repository. @throws as `pull`; {CoreError} `OPTION_INVALID` for a name with a tag or digest */
  pullAll(repository: string, options?: PullOptions): Promise<PulledImage[]>
  /** Sends an image to the registry of its name: what was pulled as the very bytes that came, what was built compressed.
   *  @throws {RegistryError}, {CoreError} `IMAGE_NOT_FOUND`, `PLATFORM_UNSUPPORTED` */
  push(name: string, options?: PushOptions): Promise<PushedImage>
  /** Pushes every tag that a repository has here. @throws as `push`; {CoreError} `OPTION_INVALID` for a name with a tag or digest */
  pushAll(repository: string, options?: PushOptions): Promise<PushedImage[]>
  /** Takes a name away, and with the last one the image: then its layers go, too, but for those that other images, containers or the
   *  build's cache have. By id an image goes with its only name; with several of them it takes `force`.
   *  @throws {CoreError} `IMAGE_NOT_FOUND`, `IMAGE_IN_USE` */
  remove(nameOrId: string, options?: RemoveImageOptions): Promise<RemovedImage>
  /** Removes images that have no name or, with `all`, that no container was made of. */
  prune(options?: PruneImagesOptions): Promise<RemovedImage>
  /** Writes images with their names into one archive. A file or directory appears when it is whole.
   *  @throws {CoreError} `IMAGE_NOT_FOUND`, `IMAGE_INVALID`, `OPTION_INVALID`; {ExporterError} `OUTPUT_FAILED` */
  save(images: readonly string[], destination: ArchiveDestination, options?: SaveOptions): Promise<void>
  /** Reads the images of an archive: `docker save`'s or an OCI image layout (or its directory), plain or compressed with gzip, zstd,
   *  bzip2 or xz. All of them are checked before the first gets its name.
   *  @throws {CoreError} `ARCHIVE_INVALID`, `IMAGE_INVALID`; {StoreError} `STORE_FULL` */
  load(source: ArchiveSource, options?: LoadOptions): Promise<LoadedImage[]>
  /** Makes an image of one layer of a root file system's tar: a file, an `http(s)://` address, or a stream, compressed as for `load`.
   *  @throws {CoreError} `ARCHIVE_INVALID`, `OPTION_INVALID`, `DOWNLOAD_FAILED` */
  import(source: ArchiveSource, options?: ImportOptions): Promise<ImportedImage>
  readonly manifestLists: ManifestLists
}
