export { readTar, type TarMember } from './archives/read-tar.js'
export type { TarMemberKind } from './archives/tar-header.js'
export { type CompressOptions, compress } from './compression/compress.js'
export { decompress } from './compression/decompress.js'
export { detectCompression, type StreamCompression } from './compression/detect.js'
export { limiter } from './compression/limiter.js'
export { ExporterError, type ExporterErrorCode } from './errors.js'
export { type AssembleOptions, assembleImage } from './image/assemble.js'
export { describeImage } from './image/plain-image.js'
export type {
  Annotations,
  AssembledImage,
  EncodedBlob,
  ExportableImage,
  ExportLayer,
  ImageFormat,
} from './image/types.js'
export {
  type ArchivedImage,
  type ArchiveOptions,
  type DockerArchiveOptions,
  writeDockerArchive,
  writeDockerImages,
} from './outputs/docker-archive.js'
export { layerBlob } from './outputs/layer-blob.js'
export { mapLimited } from './outputs/limited.js'
export { type LayoutImage, type StoredDocuments, writeOciImages } from './outputs/oci-images.js'
export { type OciDestination, type OciLayoutOptions, writeOciIndex, writeOciLayout } from './outputs/oci-layout.js'
export type { ExportableIndex, SourcedImage } from './outputs/prepare-index.js'
export { type PushedImage, type PushedIndex, type PushImageOptions, pushImage, pushIndex } from './outputs/push.js'
export type { OnPushedLayer, PushedLayer } from './outputs/push-progress.js'
export { pushStoredImage, type StoredImage } from './outputs/push-stored.js'
export type {
  CompressionOptions,
  ImagePusher,
  LayerSource,
  OnBlobProgress,
  OutputOptions,
} from './outputs/types.js'
export { type WriteDestination, writeStream } from './outputs/write-stream.js'
