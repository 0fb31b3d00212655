import { TsbuildError } from '@tsbuild/spec'

export type ExporterErrorCode =
  /** A compressed stream ends too early. */
  | 'STREAM_TRUNCATED'
  /** A compressed stream is not what it says, or is damaged. */
  | 'STREAM_INVALID'
  /** Layers, history and config do not fit together. */
  | 'IMAGE_INVALID'
  /** A blob's bytes are not those of its descriptor. */
  | 'BLOB_MISMATCH'
  /** The destination cannot be written. */
  | 'OUTPUT_FAILED'

/** An image could not be put together or written out. */
export class ExporterError extends TsbuildError<ExporterErrorCode> {}
