import { join } from 'node:path'

/** Where things are in a root folder. */
export interface RootPaths {
  readonly root: string
  readonly format: string
  readonly content: string
  readonly blobs: string
  readonly ingest: string
  /** Interrupted transfers that a later process may go on with. */
  readonly partial: string
  readonly metadata: string
  readonly ballast: string
}

export function rootPaths(root: string): RootPaths {
  const content = join(root, 'content')
  return {
    root,
    format: join(root, 'format.json'),
    content,
    blobs: join(content, 'blobs', 'sha256'),
    ingest: join(root, 'ingest'),
    partial: join(root, 'partial'),
    metadata: join(root, 'metadata'),
    ballast: join(root, 'ballast'),
  }
}
