export {
  createNativeSnapshotter,
  createOverlaySnapshotter,
  type DirectorySnapshotter,
  type SnapshotterOptions,
} from './create-snapshotter.js'
export type { ActiveSnapshot, SnapshotChange } from './directory/active-copy.js'
export { SnapshotError, type SnapshotErrorCode } from './errors.js'
export type { EntryOverride } from './extract/extractor.js'
export type { TarEntry, TarEntryType } from './tar/entry.js'
export { createTarExtractor, type TarExtractor, type TarExtractorOptions } from './tar-extractor.js'
export { packTree, type TarPackerOptions } from './tar-packer.js'
