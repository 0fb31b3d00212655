export { type CompressOptions, compress } from './compression/compress.js'
export { decompress } from './compression/decompress.js'
export { detectCompression, type StreamCompression } from './compression/detect.js'
export { ExporterError, type ExporterErrorCode } from './errors.js'
export { type AssembleOptions, assembleImage } from './image/assemble.js'
export type { AssembledImage, EncodedBlob, ExportableImage, ExportLayer } from './image/types.js'
export { type DockerArchiveOptions, writeDockerArchive } from './outputs/docker-archive.js'
export { type OciDestination, type OciLayoutOptions, writeOciLayout } from './outputs/oci-layout.js'
export { type PushedImage, type PushImageOptions, pushImage } from './outputs/push.js'
export type {
  CompressionOptions,
  ImagePusher,
  LayerSource,
  OnBlobProgress,
  OutputOptions,
} from './outputs/types.js'
export { type WriteDestination, writeStream } from './outputs/write-stream.js'
