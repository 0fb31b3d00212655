import { TsbuildError } from '@tsbuild/spec'

/** - `SNAPSHOT_EXISTS`: the key or name is taken.
 * - `SNAPSHOT_NOT_FOUND`: no snapshot of that key or name.
 * - `SNAPSHOT_CHANGED`: a file changed while it was read; of a committed layer none should.
 * - `SNAPSHOT_NAME_INVALID`: not a well-formed key, name or session.
 * - `SNAPSHOT_FORMAT`: the directory belongs to the other kind of snapshotter, or to a newer version.
 * - `SNAPSHOT_UNSUPPORTED`: the file system or the privileges do not allow what the snapshot needs.
 * - `LAYER_INVALID`: a layer's tar is malformed, or has an entry that cannot be kept. */
export type SnapshotErrorCode =
  | 'SNAPSHOT_EXISTS'
  | 'SNAPSHOT_NOT_FOUND'
  | 'SNAPSHOT_CHANGED'
  | 'SNAPSHOT_NAME_INVALID'
  | 'SNAPSHOT_FORMAT'
  | 'SNAPSHOT_UNSUPPORTED'
  | 'LAYER_INVALID'

/** What goes wrong with snapshots and layers. */
export class SnapshotError extends TsbuildError<SnapshotErrorCode> {}
